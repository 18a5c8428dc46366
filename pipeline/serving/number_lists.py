"""Reading long lists of numbers in JSON without building the nested lists.

One image is 800 small lists, which cost more time than inference. Instead, the text of the list is
split into brackets and numbers: the brackets must be those of whole images, and the numbers are
parsed as one flat list.
"""

from functools import cache
from math import prod
from typing import Any

import numpy as np
import orjson

from pipeline.runtimes.predictor import Images

_LONG = 500  # bytes; shorter lists are parsed with the rest of the document
_TO_ZERO = bytes.maketrans(b"0123456789", b"0000000000")
_SPACE = b" \t\r\n"
_SHOWN = 40  # characters
PLACEHOLDER = "@numbers"  # replaces the list; documents that contain this string are parsed whole
_PLACEHOLDER = PLACEHOLDER.encode()


class NumberList:
    """The unparsed text of a nested or flat list."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._read = False

    def __repr__(self) -> str:
        return f"{self._text[:_SHOWN].decode('ascii', 'replace')}..."

    def images(self, shape: tuple[int, ...], *, flat: bool) -> Images | None:
        """Return images, uint8 (n, *shape), or None if the list is not a list of whole images."""
        zeros = self._text.translate(_TO_ZERO, _SPACE)
        if b"0[" in zeros or b"]0" in zeros:  # such as 1 [2], which is not JSON
            return None
        brackets = zeros.translate(None, b"0")
        if brackets != (_flat if flat else _nested)(shape, len(brackets)):
            return None
        try:
            numbers = orjson.loads(b"[" + self._text.translate(None, b"[]") + b"]")
            images = np.frombuffer(bytes(numbers), np.uint8).reshape(-1, *shape)
        except (ValueError, TypeError):  # not JSON, or not integers from 0 to 255
            return None
        self._read = True
        return images

    def parsed(self) -> Any:
        """Parse the list.

        Raises:
            orjson.JSONDecodeError: the text is not JSON.
        """
        self._read = True
        return orjson.loads(self._text)

    def require_read(self) -> None:
        """Parse the list unless that was done: a value that is ignored must be JSON too.

        Raises:
            orjson.JSONDecodeError: the text is not JSON.
        """
        if not self._read:
            self.parsed()


def extract_numbers(text: bytes) -> tuple[bytes, NumberList | None]:
    """Return a JSON document with its longest list of numbers replaced, and that list.

    The list is in the longest piece without quotes, since numbers have none.
    """
    if len(text) < _LONG or b"\\" in text or _PLACEHOLDER in text:
        return text, None
    pieces = text.split(b'"')  # every other piece is outside strings
    longest = max(range(0, len(pieces), 2), key=lambda index: len(pieces[index]))
    piece = pieces[longest]
    first = piece.find(b"[")
    object_ends = piece.find(b"}", first)
    last = piece.rfind(b"]", first, object_ends if object_ends >= 0 else len(piece))
    if first < 0 or last - first < _LONG:
        return text, None
    pieces[longest] = piece[:first] + b'"' + _PLACEHOLDER + b'"' + piece[last + 1 :]
    return b'"'.join(pieces), NumberList(piece[first : last + 1])


def _nested(shape: tuple[int, ...], length: int) -> bytes:
    """Return the brackets and commas of as many images as fit into that length."""
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
