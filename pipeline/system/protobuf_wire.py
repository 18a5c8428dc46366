"""Read the wire format of Protocol Buffers field by field; for messages that are untrusted.

Source: Protocol Buffers documentation, "Encoding".
"""

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_TAG_LIMIT = 2**32  # some readers truncate larger ones to 32 bits and so see another field


def fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yield the number and value of each field; 0 for fixed-size values, see ``floats``."""
    for number, wire, value in _parts(message):
        yield number, 0 if wire in _SIZES else value


def floats(message: memoryview, number: int) -> list[float]:
    """Return the values of a field of the type float that is not packed."""
    return [
        struct.unpack("<f", value)[0]
        for found, wire, value in _parts(message)
        if found == number and wire == _FIXED32 and isinstance(value, memoryview)
    ]


def _parts(message: memoryview) -> Iterator[tuple[int, int, memoryview | int]]:
    """Yield number, wire type and value of each field; those of fixed size as their bytes."""
    offset = 0
    while offset < len(message):
        tag, offset = varint(message, offset)
        number, wire = tag >> 3, tag & 7
        if number == 0 or tag >= _TAG_LIMIT:
            raise ValueError(f"invalid field number {number} before byte {offset}")
        if wire == _VARINT:
            value, offset = varint(message, offset)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, offset = varint(message, offset)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            raise ValueError(f"unknown wire type {wire} at byte {offset}")
        if offset + size > len(message):
            raise ValueError(f"field of {size} bytes, but only {len(message) - offset} bytes left")
        yield number, wire, message[offset : offset + size]
        offset += size


def varint(message: memoryview, offset: int) -> tuple[int, int]:
    """Return a base-128 number, least significant digits first, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if offset == len(message):
            raise ValueError("truncated number at the end")
        byte = message[offset]
        offset += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004  (the highest bit is set if more bytes follow)
            return value, offset
    raise ValueError(f"number of more than 10 bytes at byte {offset}")
