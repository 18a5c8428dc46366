"""What is asked of every ONNX file before a runtime opens it: all of it is in the file itself."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of Protocol Buffers
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_MOST_BYTES = 2**31  # what Protocol Buffers can hold in one message

# Fields by number, from onnx.proto, on the way from a model to its tensors.
_MODEL = {7: "graph", 25: "function"}
_FIELDS = {
    "model": _MODEL,
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of a tensor


def require_self_contained(path: Path) -> Path:
    """Return the path of an ONNX file that names no other file.

    A tensor may lie in another file, named inside: any file of this machine.

    Raises:
        ModelError: it names one, is no ONNX file, or is larger than one can be.
    """
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ModelError(
            f"An ONNX file must have at most {_MOST_BYTES:,} bytes; got {size:,} in {path}. "
            "Export it with this pipeline."
        )
    try:
        external = _names_a_file(memoryview(path.read_bytes()), "model")
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{path.name} must be a whole onnx model; got {error}. Export it again or restore it."
        ) from error
    if external:
        raise ModelError(
            f"An ONNX file must hold all its tensors itself; got one that lies in another file, "
            f"named in {path}. Nothing is opened. Save it without external data."
        )
    return path


def _names_a_file(message: memoryview, kind: str) -> bool:
    """Whether a tensor below a message has external data."""
    if kind == "tensor":
        return any(n == _EXTERNAL_DATA or (n == _DATA_LOCATION and v) for n, v in _fields(message))
    inside = _FIELDS[kind]
    return any(
        _names_a_file(value, inside[number])
        for number, value in _fields(message)
        if number in inside and isinstance(value, memoryview)
    )


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yield number and value of each field; of numbers of fixed size 0 (none is looked at)."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if wire == _BYTES:
            size, place = _varint(message, place)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            raise ValueError(f"a field of the unknown type {wire} at byte {place}")
        if place + size > len(message):
            raise ValueError(f"a field of {size} bytes where {len(message) - place} are left")
        yield number, message[place : place + size] if wire == _BYTES else 0
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return a number in base 128, the lowest digits first, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place == len(message):
            raise ValueError("an end within a number")
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004  (the highest bit says that there is more)
            return value, place
    raise ValueError(f"a number of more than 10 bytes at byte {place}")
