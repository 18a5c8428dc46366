"""Long lists of numbers in JSON, read without building the lists.

One image is 800 small lists, which cost more than the network does. Its text is kept as it is, and
parted into brackets and numbers: the brackets must be those of whole images, the numbers are read
as one flat list.
"""

from functools import cache
from math import prod
from typing import Any

import numpy as np
import orjson

from pipeline.runtimes.predictor import Images

_LONG = 500  # bytes; shorter lists are parsed like everything else
_TO_ZERO = bytes.maketrans(b"0123456789", b"0000000000")
_SPACE = b" \t\r\n"
_SHOWN = 40  # characters
PLACE = "@numbers"  # what stands for the list; texts that hold it are parsed whole
_PLACE = PLACE.encode()


class NumberList:
    """The text of a list, nested or flat."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._read = False

    def __repr__(self) -> str:
        return f"{self._text[:_SHOWN].decode('ascii', 'replace')}..."

    def images(self, shape: tuple[int, ...], *, flat: bool) -> Images | None:
        """Return images, uint8 (n, *shape), from whole ones; None where it is anything else."""
        zeros = self._text.translate(_TO_ZERO, _SPACE)
        if b"0[" in zeros or b"]0" in zeros:  # 1 [2] is no number and no list
            return None
        brackets = zeros.translate(None, b"0")
        if brackets != (_flat if flat else _nested)(shape, len(brackets)):
            return None
        try:
            numbers = orjson.loads(b"[" + self._text.translate(None, b"[]") + b"]")
            images = np.frombuffer(bytes(numbers), np.uint8).reshape(-1, *shape)
        except (ValueError, TypeError):  # no JSON, or a number above 255
            return None
        self._read = True
        return images

    def parsed(self) -> Any:
        """Return the list itself.

        Raises:
            orjson.JSONDecodeError: it is none.
        """
        self._read = True
        return orjson.loads(self._text)

    def require_read(self) -> None:
        """Read the list if nobody has: what is ignored must be JSON too.

        Raises:
            orjson.JSONDecodeError: it is none.
        """
        if not self._read:
            self.parsed()


def take_out(text: bytes) -> tuple[bytes, NumberList | None]:
    """Return a JSON text with its longest list of numbers replaced, and that list.

    The list is in the longest piece between two quotes: numbers have none.
    """
    if len(text) < _LONG or b"\\" in text or _PLACE in text:
        return text, None
    pieces = text.split(b'"')  # every second is outside of strings
    longest = max(range(0, len(pieces), 2), key=lambda index: len(pieces[index]))
    piece = pieces[longest]
    first = piece.find(b"[")
    object_ends = piece.find(b"}", first)
    last = piece.rfind(b"]", first, object_ends if object_ends >= 0 else len(piece))
    if first < 0 or last - first < _LONG:
        return text, None
    pieces[longest] = piece[:first] + b'"' + _PLACE + b'"' + piece[last + 1 :]
    return b'"'.join(pieces), NumberList(piece[first : last + 1])


def _nested(shape: tuple[int, ...], length: int) -> bytes:
    """Return the brackets and commas of as many images as make about that length."""
    image = _brackets(shape)
    count = (length - 1) // (len(image) + 1)
    return b"[" + b",".join([image] * count) + b"]"


def _flat(shape: tuple[int, ...], length: int) -> bytes:
    count = (length - 1) // prod(shape)
    return b"[" + b"," * (count * prod(shape) - 1) + b"]"


@cache
def _brackets(shape: tuple[int, ...]) -> bytes:
    """Return ``[[],[]]`` for the shape (2, 1)."""
    if not shape:
        return b""
    return b"[" + b",".join([_brackets(shape[1:])] * shape[0]) + b"]"
