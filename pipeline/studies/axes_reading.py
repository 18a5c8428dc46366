"""The axes written in a study's file -> ``Axis``, with errors that name key, file and line."""

import math
from typing import Any

from pipeline.config.places import Places
from pipeline.config.value_hints import as_yaml
from pipeline.errors import ConfigError
from pipeline.studies.axes import Axis, Choice, Range, Values

_CHOICE, _RANGE = {"value", "axes"}, {"low", "high", "log", "step"}


def read_axes(
    values: Values, places: Places, path: tuple[str, ...] = ("axes",)
) -> tuple[Axis, ...]:
    """Return the axes written in a study's file below ``path``.

    Raises:
        ConfigError: an axis is neither a list of values nor a range.
    """
    return tuple(_read_axis(key, value, places, (*path, key)) for key, value in values.items())


def _read_axis(key: str, value: Any, places: Places, path: tuple[str, ...]) -> Axis:
    place, name = places.of(path), "/".join(path[1:])
    if isinstance(value, dict):
        return Axis(key, name, place, _read_range(key, value, place))
    if not isinstance(value, list) or not value:
        raise ConfigError(
            f"axes.{key} must be a list with at least one value, or a range such as {{low: 0.001, "
            f"high: 1, log: true}}; got {as_yaml(value)} in {place}."
            + (f" Write [{as_yaml(value)}]." if not isinstance(value, list) else "")
        )
    for one in value:
        if value.count(one) > 1 and not isinstance(one, bool):  # 1 == True
            raise ConfigError(f"axes.{key} has {as_yaml(one)} twice in {place}. Remove one.")
    return Axis(key, name, place, tuple(_read_choice(one, places, path) for one in value))


def _read_choice(value: Any, places: Places, path: tuple[str, ...]) -> Choice:
    # An argument of a named object may be called ``value``, too.
    if not isinstance(value, dict) or "value" not in value or "name" in value:
        return Choice(value)
    if set(value) != _CHOICE:
        raise ConfigError(
            "A value with axes of its own must have the keys value and axes, and no others; got "
            f"{as_yaml(value)} in {places.of(path)}. Write for example {{value: sgd, axes: "
            "{optimizer.momentum: [0, 0.9]}}."
        )
    if not isinstance(value["axes"], dict):
        raise ConfigError(
            f"The axes of the value {as_yaml(value['value'])} must be a mapping of keys to lists; "
            f"got {as_yaml(value['axes'])} in {places.of(path)}."
        )
    of_choice = (*path, as_yaml(value["value"]))
    return Choice(value["value"], read_axes(value["axes"], places, of_choice))


def _read_range(key: str, value: dict[str, Any], place: str) -> Range:
    numbers = [value.get("low"), value.get("high"), value.get("step", 1)]
    is_valid = (
        set(value) <= _RANGE
        and all(type(number) in {int, float} and math.isfinite(number) for number in numbers)
        and isinstance(value.get("log", False), bool)
    )
    if not is_valid:
        raise ConfigError(
            f"The range of axes.{key} must have two numbers, low and high, and may have log: true "
            f"or a number step; got {as_yaml(value)} in {place}."
        )
    found = Range(**value)
    if not found.low < found.high or (found.log and found.low <= 0):
        raise ConfigError(
            f"The range of axes.{key} must have low below high"
            f"{', and low above 0 for log: true' if found.log else ''}; got {as_yaml(value)} in "
            f"{place}."
        )
    if _is_whole(found.low) and _is_whole(found.high) and not _is_whole(found.step or 1):
        raise ConfigError(
            f"The step of axes.{key} must be a whole number, as low and high are; got "
            f"{as_yaml(value)} in {place}. For other numbers, write the limits with a decimal "
            f"point: low: {float(found.low)}, high: {float(found.high)}."
        )
    if found.step is not None and (found.step <= 0 or found.log):
        raise ConfigError(
            f"The step of axes.{key} must be greater than 0, and cannot be combined with log: "
            f"true; got {as_yaml(value)} in {place}."
        )
    return found


def _is_whole(number: float) -> bool:
    return isinstance(number, int)
