"""Lists of numbers and raw bytes -> images, uint8; or a sentence that says what is wrong."""

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np
import orjson

from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import ServingError, wrong
from pipeline.serving.number_lists import NumberList

_ADVICE = "Send raw pixels, integers from 0 to 255: scaling is part of the model."
_WHITE = 255
_SHOWN = 40  # characters of a value in a message


def from_nested(rows: Any, shape: tuple[int, ...], where: str) -> Images:
    """Return images, uint8 (n, *shape), from lists nested as the shape is.

    Raises:
        ServingError: (400) something else came; the first wrong place is told.
    """
    if type(rows) is NumberList:
        images = rows.images(shape, flat=False)
        if images is not None:
            return images
        rows = parsed(rows)
    if type(rows) is not list or not rows:
        raise wrong(f"{where} must be a list of at least one image; got {_shown(rows)}.")
    values: list[Any] = rows
    try:
        for size in shape:
            if set(map(len, values)) != {size}:
                raise _first_mistake(rows, shape, where)
            values = list(chain.from_iterable(values))
        return _images(values, shape)
    except (TypeError, ValueError):
        raise _first_mistake(rows, shape, where) from None


def from_flat(values: Any, shape: tuple[int, ...], count: int, where: str) -> Images:
    """Return ``count`` images, uint8 (count, *shape), from one flat list, row-major.

    Raises:
        ServingError: (400) something else came.
    """
    expected = count * prod(shape)
    if len(values) != expected:
        raise wrong(
            f"{where} must have {expected:,} numbers for {count} images of shape "
            f"{list(shape)}; got {len(values):,}. Send all pixels, row by row."
        )
    try:
        return _images(values, shape)
    except (TypeError, ValueError):
        raise _first_mistake(values, (), where) from None


def from_nested_or_flat(data: Any, shape: tuple[int, ...], count: int, where: str) -> Images:
    """Return ``count`` images, uint8 (count, *shape), from a list of either form.

    Raises:
        ServingError: (400) something else came.
    """
    if type(data) is NumberList:
        images = data.images(shape, flat=True)
        if images is not None and len(images) == count:
            return images
        data = parsed(data)
    if type(data) is not list or not data:
        raise wrong(f"{where} must be a list of numbers, nested or flat; got none.")
    if type(data[0]) is not list:
        return from_flat(data, shape, count, where)
    images = from_nested(data, shape, where)
    if len(images) != count:
        raise wrong(f"{where} must have {count} images as its shape says; got {len(images)}.")
    return images


def parsed(numbers: NumberList) -> Any:
    """Return the list that was left as text.

    Raises:
        ServingError: (400) it is no JSON.
    """
    try:
        return numbers.parsed()
    except ValueError as error:
        raise wrong(
            f"The body must be JSON (RFC 8259); got, in a list of numbers, {error}. Check what is "
            "sent."
        ) from None


def from_bytes(raw: bytes | memoryview, shape: tuple[int, ...], count: int, where: str) -> Images:
    """Return ``count`` images, uint8 (count, *shape), from raw bytes, row-major.

    Raises:
        ServingError: (400) there are more or fewer bytes.
    """
    expected = count * prod(shape)
    if len(raw) != expected:
        raise wrong(
            f"{where} must have {expected:,} bytes for {count} images of shape {list(shape)}; "
            f"got {len(raw):,}. Send one byte a pixel."
        )
    return np.frombuffer(raw, np.uint8).reshape(-1, *shape)


def _images(values: list[Any], shape: tuple[int, ...]) -> Images:
    """Raises TypeError or ValueError where a value is no integer from 0 to 255."""
    if set(map(type, values)) != {int}:  # True is an int to bytes()
        raise TypeError
    return np.frombuffer(bytes(values), np.uint8).reshape(-1, *shape)


def _first_mistake(rows: Sequence[Any], shape: tuple[int, ...], where: str) -> ServingError:
    found = _mistake(rows, shape, where)
    assert found, "lists that were refused have a mistake"
    return wrong(f"{found} {_ADVICE}")


def _mistake(rows: Sequence[Any], shape: tuple[int, ...], where: str) -> str | None:
    for index, row in enumerate(rows):
        place = f"{where}[{index}]"
        if not shape:
            if type(row) is not int or not 0 <= row <= _WHITE:
                return f"{place} must be an integer from 0 to {_WHITE}; got {_shown(row)}."
        elif type(row) is not list or len(row) != shape[0]:
            got = f"a list of {len(row)}" if type(row) is list else _shown(row)
            return f"{place} must be a list of {shape[0]}; got {got}."
        elif found := _mistake(row, shape[1:], place):
            return found
    return None


def _shown(value: Any) -> str:
    """Return a value as JSON has it, shortened."""
    if type(value) in {int, float}:
        text = repr(value)
    else:
        try:
            text = orjson.dumps(value, default=str).decode()
        except TypeError:  # what orjson does not write
            return "something nested deeply or with a number of more than 64 bits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
