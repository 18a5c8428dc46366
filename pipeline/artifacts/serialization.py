"""Artifacts to plain JSON values and back, checked against the types of their fields."""

from collections.abc import Hashable
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import orjson

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def to_json(value: object) -> Any:
    """Return dataclasses as plain values; infinity and NaN, which JSON lacks, become None."""
    # Their fields alone: by itself orjson also writes what ``cached_property`` has stored.
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
    return orjson.loads(orjson.dumps(value, default=asdict, option=options))


def from_json(kind: type[T], value: object) -> T:
    """Return the dataclass that ``to_json`` made plain values of; unknown keys are ignored.

    Raises:
        ValueError: a key is missing, or a value has another type.
    """
    checked: T = _adapter(cast("Hashable", kind)).validate_python(value)
    return checked


@cache
def _adapter(kind: Hashable) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # workers, which only write, start without it

    return TypeAdapter(cast("type[Any]", kind))
