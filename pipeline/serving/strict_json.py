"""JSON as RFC 8259 has it, and no key twice: two readers must not read two different things."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import jiter

from pipeline.serving.errors import wrong
from pipeline.serving.number_lists import PLACE, NumberList, take_out

T = TypeVar("T")
_SHOWN = 120  # characters of what the parser says


def read(text: bytes, reader: Callable[[Any], T]) -> T:
    """Return what a reader makes of a JSON text: UTF-8, no NaN or Infinity, no duplicate keys.

    Its longest list of numbers may come to the reader as a ``NumberList``; if that is ignored, it
    must be JSON all the same.

    Raises:
        ServingError: (400) it is not such a text; the place is told.
    """
    value, numbers = parse(text)
    result = reader(value)
    if numbers is not None:
        try:
            numbers.require_read()
        except ValueError:  # two lists were taken for one, or it is no JSON
            _parse_whole(text)
    return result


def parse(text: bytes) -> tuple[Any, NumberList | None]:
    """Return the value of a JSON text, and the list in it that was left as text.

    Raises:
        ServingError: (400) it is not such a text; the place is told.
    """
    rest, numbers = take_out(text)
    if numbers is not None:
        # The whole text tells the place of a mistake.
        with suppress(ValueError):
            value, found = _put_back(_parse(rest), numbers)
            if found:
                return value, numbers
    return _parse_whole(text), None


def _parse_whole(text: bytes) -> Any:
    try:
        return _parse(text)
    except ValueError as error:
        got = _shortened(f"{error}") if text else "nothing"
        raise wrong(
            "The body must be JSON (RFC 8259), nested at most 200 times, with no key twice in an "
            f"object; got {got}. Check what is sent."
        ) from None


def _put_back(value: Any, numbers: NumberList) -> tuple[Any, bool]:
    """Return a value with the list where it was taken from, and whether that place was found."""
    if value == PLACE:
        return numbers, True
    if type(value) in {dict, list}:
        for key in value if type(value) is dict else range(len(value)):
            value[key], found = _put_back(value[key], numbers)
            if found:
                return value, True
    return value, False


def _parse(text: bytes) -> Any:
    return jiter.from_json(text, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")


def _shortened(got: str) -> str:
    """Leave out the middle of a long key; the place of the mistake stands at the end."""
    return got if len(got) <= _SHOWN else f"{got[:60]}...{got[-40:]}"
