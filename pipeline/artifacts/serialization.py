"""Convert artifacts to plain JSON values and back, validated by the types of their fields."""

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
    # Only their fields: by default, orjson also writes values stored by ``cached_property``.
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
    return orjson.loads(orjson.dumps(value, default=asdict, option=options))


def from_json(kind: type[T], value: object) -> T:
    """Return a dataclass from the plain values of ``to_json``; unknown keys are ignored.

    Raises:
        ValueError: a key is missing, or a value has another type.
    """
    checked: T = _adapter(cast("Hashable", kind)).validate_python(value)
    return checked


@cache
def _adapter(kind: Hashable) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # not needed by workers, which only write

    return TypeAdapter(cast("type[Any]", kind))
