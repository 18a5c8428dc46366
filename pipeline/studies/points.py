"""The trials of a search that needs no results: all combinations, or one axis at a time."""

from collections.abc import Iterator

from pipeline.errors import ConfigError
from pipeline.studies.axes import Axis, Range, Values, all_axes, covering, grid, num_points
from pipeline.studies.schema import GRID, ONE_AT_A_TIME, SEED

LISTED = (GRID, ONE_AT_A_TIME)  # the searches without a sampler


def points(search: str, axes: tuple[Axis, ...]) -> Iterator[Values]:
    """Yield the points of the axes in the order in which they are tried.

    Raises:
        ConfigError: an axis is a range.
    """
    for axis in all_axes(axes):
        if isinstance(axis.values, Range):
            raise ConfigError(
                f"{_TITLES[search]} requires a list of values for {axis.key}; got a range in "
                f"{axis.place}. Write a list, or set search, for example to random."
            )
    return grid(axes) if search == GRID else _one_at_a_time(axes)


_TITLES = {GRID: "A grid", ONE_AT_A_TIME: "The search one_at_a_time"}


def num_listed(search: str, axes: tuple[Axis, ...]) -> int:
    """Return the number of points of axes that are lists."""
    return num_points(axes) if search == GRID else sum(1 for _ in _one_at_a_time(axes))


def _one_at_a_time(axes: tuple[Axis, ...]) -> Iterator[Values]:
    """Yield the first values of all axes, then each other value alone; all with every seed."""
    seeds = tuple(axis for axis in axes if axis.key == SEED)
    for values in covering(tuple(axis for axis in axes if axis.key != SEED)):
        for seed in grid(seeds):
            yield values | seed
