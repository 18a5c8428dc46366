"""JSON as RFC 8259 has it, and no key twice: two readers must not read two different things."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import orjson

from pipeline.serving.errors import ServingError, wrong
from pipeline.serving.number_lists import PLACE, NumberList, take_out

T = TypeVar("T")


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
        except orjson.JSONDecodeError:  # two lists were taken for one, or it is no JSON
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
        with suppress(orjson.JSONDecodeError, RecursionError):
            value, found = _put_back(_parse(rest), numbers)
            if found:
                return value, numbers
    return _parse_whole(text), None


def _parse_whole(text: bytes) -> Any:
    try:
        return _parse(text)
    except orjson.JSONDecodeError as error:
        got = f"{error}" if text else "nothing"
        raise wrong(f"The body must be JSON (RFC 8259); got {got}. Check what is sent.") from None
    except RecursionError:
        raise wrong(
            "The body must be nested at most a few hundred times; got more. Check what is sent."
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
    value = orjson.loads(text)
    if b"\\" in text or text.count(b'"') != 2 * _count_strings(value):
        _require_unique_keys(text)
    return value


def _count_strings(value: Any) -> int:
    """Return how many strings a value holds, keys included, lists of lists and numbers left out.

    A parser drops a duplicate key, so its quotes are in the text but not in the value. Where the
    counts differ, for this or another reason, the slow parser decides.
    """
    if type(value) is str:
        return 1
    if type(value) is dict:
        return sum(1 + _count_strings(item) for item in value.values())
    if type(value) is list and value and type(value[0]) in {dict, str}:
        return sum(map(_count_strings, value))
    return 0


def _require_unique_keys(text: bytes) -> None:
    json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _duplicate(key)
            seen.add(key)
    return found


def _duplicate(key: str) -> ServingError:
    shown = key if len(key) <= 40 else f"{key[:40]}..."  # noqa: PLR2004  (characters)
    return wrong(f"A key must stand once in its object; got {shown!r} twice. Send it once.")
