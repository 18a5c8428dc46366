"""The axes of a study: the keys that it varies, with their values."""

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

Values = dict[str, Any]  # key -> value: one point of the axes


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole numbers if both limits are.

    With ``log``, the logarithm is uniform; with ``step``, only every ``step``-th number counts.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None


@dataclass(frozen=True)
class Choice:
    """One value of an axis, and the axes that only trials with this value have."""

    value: Any
    axes: "tuple[Axis, ...]" = ()


@dataclass(frozen=True)
class Axis:
    """A key with the values to try. ``name`` tells axes of different choices apart."""

    key: str
    name: str
    place: str
    values: tuple[Choice, ...] | Range


class Chooser(Protocol):
    """Chooses a value of an axis."""

    def number(self, axis: Axis, values: Range) -> float:
        """Return a number in the range."""

    def choice(self, axis: Axis, values: tuple[Choice, ...]) -> Choice:
        """Return one of the choices."""


def grid(axes: tuple[Axis, ...]) -> Iterator[Values]:
    """Yield all combinations of axes that are lists; the values of the first axis change last."""
    if not axes:
        yield {}
        return
    first, others = axes[0], axes[1:]
    for choice in choices_of(first):
        for inner in grid(choice.axes):
            for rest in grid(others):
                yield {first.key: copy.deepcopy(choice.value), **inner, **rest}


def num_points(axes: tuple[Axis, ...]) -> int:
    """Return the number of combinations of axes that are lists."""
    return math.prod(
        sum(num_points(choice.axes) for choice in axis.values)
        for axis in axes
        if not isinstance(axis.values, Range)
    )


def covering(axes: tuple[Axis, ...]) -> Iterator[Values]:
    """Yield points that together have every value, and both limits of each range.

    In each point, only one axis does not have its first value, so there are as many points as
    values.
    """
    firsts = [next(_points_of(axis)) for axis in axes]
    yield _merged(firsts)
    for index, axis in enumerate(axes):
        for own in islice(_points_of(axis), 1, None):
            yield _merged([*firsts[:index], own, *firsts[index + 1 :]])


def _merged(points: Iterable[Values]) -> Values:
    return {key: value for point in points for key, value in point.items()}


def _points_of(axis: Axis) -> Iterator[Values]:
    if isinstance(axis.values, Range):
        yield from ({axis.key: limit} for limit in (axis.values.low, axis.values.high))
        return
    for choice in axis.values:
        for inner in covering(choice.axes):
            yield {axis.key: copy.deepcopy(choice.value), **inner}


def choose(axes: tuple[Axis, ...], chooser: Chooser) -> Values:
    """Return one point of the axes, with each value chosen by ``chooser``."""
    values: Values = {}
    for axis in axes:
        if isinstance(axis.values, Range):
            values[axis.key] = chooser.number(axis, axis.values)
        else:
            choice = chooser.choice(axis, axis.values)
            values |= {axis.key: copy.deepcopy(choice.value), **choose(choice.axes, chooser)}
    return values


def all_axes(axes: Iterable[Axis]) -> Iterator[Axis]:
    """Yield axes, each followed by those that belong to its choices."""
    for axis in axes:
        yield axis
        for choice in choices_of(axis):
            yield from all_axes(choice.axes)


def choices_of(axis: Axis) -> tuple[Choice, ...]:
    """Return the choices of an axis; a range has none."""
    return () if isinstance(axis.values, Range) else axis.values


def single_values(axes: tuple[Axis, ...]) -> Iterator[Values]:
    """Yield each value of each axis alone, with the choices that the axis belongs to.

    They are enough to check every value, and far fewer than all combinations.
    """
    for axis in axes:
        if isinstance(axis.values, Range):
            yield from ({axis.key: limit} for limit in (axis.values.low, axis.values.high))
            continue
        for choice in axis.values:
            chosen = {axis.key: copy.deepcopy(choice.value)}
            yield chosen
            yield from ({**chosen, **inner} for inner in single_values(choice.axes))
