"""Converting lists of numbers and raw bytes to images, uint8; errors name the first mistake."""

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np
import orjson

from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import ServingError, bad_request
from pipeline.serving.number_lists import NumberList

_ADVICE = "Send raw pixels, integers from 0 to 255: scaling is part of the model."
_WHITE = 255
_SHOWN = 40  # characters of a value in a message


def from_nested(rows: Any, shape: tuple[int, ...], where: str) -> Images:
    """Return images, uint8 (n, *shape), from lists nested like the shape.

    Raises:
        ServingError: (400) the input is invalid; the message names the first mistake.
    """
    if type(rows) is NumberList:
        images = rows.images(shape, flat=False)
        if images is not None:
            return images
        rows = parsed(rows)
    if type(rows) is not list or not rows:
        raise bad_request(f"{where} must be a list of at least one image; got {_shown(rows)}.")
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
        ServingError: (400) the input is invalid.
    """
    expected = count * prod(shape)
    if len(values) != expected:
        raise bad_request(
            f"{where} must have {expected:,} numbers for {_counted(count)} of shape "
            f"{list(shape)}; got {len(values):,}. Send all pixels, row by row."
        )
    try:
        return _images(values, shape)
    except (TypeError, ValueError):
        raise _first_mistake(values, (), where) from None


def from_nested_or_flat(data: Any, shape: tuple[int, ...], count: int, where: str) -> Images:
    """Return ``count`` images, uint8 (count, *shape), from a nested or flat list.

    Raises:
        ServingError: (400) the input is invalid.
    """
    if type(data) is NumberList:
        images = data.images(shape, flat=True)
        if images is not None and len(images) == count:
            return images
        data = parsed(data)
    if type(data) is not list or not data:
        got = _shown(data) if data else "none"
        raise bad_request(f"{where} must be a list of numbers, nested or flat; got {got}.")
    if type(data[0]) is not list:
        return from_flat(data, shape, count, where)
    images = from_nested(data, shape, where)
    if len(images) != count:
        expected = _counted(count)
        raise bad_request(
            f"{where} must have {expected}, according to its shape; got {len(images)}."
        )
    return images


def parsed(numbers: NumberList) -> Any:
    """Parse a list that is still text.

    Raises:
        ServingError: (400) the text is not JSON.
    """
    try:
        return numbers.parsed()
    except ValueError as error:
        raise bad_request(
            f"Invalid JSON in a list of numbers: {error}. The body must be JSON (RFC 8259)."
        ) from None


def from_bytes(raw: bytes | memoryview, shape: tuple[int, ...], count: int, where: str) -> Images:
    """Return ``count`` images, uint8 (count, *shape), from raw bytes, row-major.

    Raises:
        ServingError: (400) the number of bytes is wrong.
    """
    expected = count * prod(shape)
    if len(raw) != expected:
        raise bad_request(
            f"{where} must have {expected:,} bytes for {_counted(count)} of shape {list(shape)}; "
            f"got {len(raw):,}. Send one byte per pixel."
        )
    return np.frombuffer(raw, np.uint8).reshape(-1, *shape)


def _images(values: list[Any], shape: tuple[int, ...]) -> Images:
    """Return images from a flat list; a value that is no integer from 0 to 255 raises an error."""
    if set(map(type, values)) != {int}:  # bytes() accepts True as an integer
        raise TypeError
    return np.frombuffer(bytes(values), np.uint8).reshape(-1, *shape)


def _first_mistake(rows: Sequence[Any], shape: tuple[int, ...], where: str) -> ServingError:
    found = _mistake(rows, shape, where)
    assert found, "a rejected list has a mistake"
    return bad_request(f"{found} {_ADVICE}")


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


def _counted(images: int) -> str:
    return "1 image" if images == 1 else f"{images:,} images"


def _shown(value: Any) -> str:
    """Return a value as JSON, shortened."""
    if type(value) in {int, float}:
        text = repr(value)
    else:
        try:
            text = orjson.dumps(value, default=str).decode()
        except TypeError:  # unsupported by orjson
            return "a deeply nested value, or a number of more than 64 bits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
