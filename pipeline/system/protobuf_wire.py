"""Read the wire format of Protocol Buffers field by field; for messages that are untrusted.

Source: Protocol Buffers documentation, "Encoding".
"""

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_MOST_TAG = 2**32  # some readers truncate larger ones to 32 bits and so see another field


def fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yield the number and value of each field; 0 for fixed-size values, which are never used."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, wire = tag >> 3, tag & 7
        if number == 0 or tag >= _MOST_TAG:
            raise ValueError(f"invalid field number {number} before byte {place}")
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if wire == _BYTES:
            size, place = _varint(message, place)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            raise ValueError(f"unknown wire type {wire} at byte {place}")
        if place + size > len(message):
            raise ValueError(f"field of {size} bytes, but only {len(message) - place} bytes left")
        yield number, message[place : place + size] if wire == _BYTES else 0
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return a base-128 number, least significant digits first, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if place == len(message):
            raise ValueError("truncated number at the end")
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004  (the highest bit is set if more bytes follow)
            return value, place
    raise ValueError(f"number of more than 10 bytes at byte {place}")
