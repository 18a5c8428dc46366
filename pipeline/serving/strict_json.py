"""Strict JSON (RFC 8259) without duplicate keys, which parsers interpret differently."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import jiter

from pipeline.serving.errors import bad_request
from pipeline.serving.number_lists import PLACEHOLDER, NumberList, extract_numbers

T = TypeVar("T")
_SHOWN = 120  # characters of the parser's message


def read(text: bytes, reader: Callable[[Any], T]) -> T:
    """Parse JSON, pass the value to a reader, and return the reader's result.

    The text must be UTF-8 without NaN, Infinity or duplicate keys. The reader may receive the
    longest list of numbers as a ``NumberList``; if it ignores the list, that must be JSON too.

    Raises:
        ServingError: (400) the text is not such JSON; the message names the line and column.
    """
    value, numbers = parse(text)
    result = reader(value)
    if numbers is not None:
        try:
            numbers.require_read()
        except ValueError:  # the text spans two lists, or is not JSON
            _parse_whole(text)
    return result


def parse(text: bytes) -> tuple[Any, NumberList | None]:
    """Return the value of a JSON document, and the list in it that was not parsed.

    Raises:
        ServingError: (400) the text is not such JSON; the message names the line and column.
    """
    rest, numbers = extract_numbers(text)
    if numbers is not None:
        # Parse the whole text after a mistake, so that the reported position is right.
        with suppress(ValueError):
            value, found = _restore_numbers(_parse(rest), numbers)
            if found:
                return value, numbers
    return _parse_whole(text), None


def _parse_whole(text: bytes) -> Any:
    try:
        return _parse(text)
    except ValueError as error:
        mistake = _shortened(f"{error}") if text else "the body is empty"
        raise bad_request(
            f"Invalid JSON: {mistake}. The body must be JSON (RFC 8259) without duplicate keys, "
            "nested at most 200 levels deep."
        ) from None


def _restore_numbers(value: Any, numbers: NumberList) -> tuple[Any, bool]:
    """Put the list back where it was taken from; return the value and whether that succeeded."""
    if value == PLACEHOLDER:
        return numbers, True
    if type(value) in {dict, list}:
        for key in value if type(value) is dict else range(len(value)):
            value[key], found = _restore_numbers(value[key], numbers)
            if found:
                return value, True
    return value, False


def _parse(text: bytes) -> Any:
    return jiter.from_json(text, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")


def _shortened(mistake: str) -> str:
    """Leave out the middle of a long key; the position of the mistake is at the end."""
    return mistake if len(mistake) <= _SHOWN else f"{mistake[:60]}...{mistake[-40:]}"
