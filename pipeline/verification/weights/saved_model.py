"""Weights of SavedModels: variables in the format "tensor bundle", without the input scale.

``variables.index`` is a table in the format of LevelDB: keys are the names of variables, values are
messages ``BundleEntryProto`` that say where in ``variables.data-*`` the values are. Sources:
LevelDB's ``doc/table_format.md``; TensorFlow's ``tensor_bundle.proto``.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.system.protobuf_wire import fields, varint
from pipeline.verification.network import Dense, Network, Weights

_FOOTER, _MAGIC = 48, 0xDB4775248B80FB57
_UNCOMPRESSED = 0
_VARIABLE = re.compile(rb"saved/(\d+)/\.ATTRIBUTES/VARIABLE_VALUE")
_DTYPE, _SHAPE, _OFFSET, _SIZE = 1, 2, 4, 5  # of BundleEntryProto
_DIM, _DIM_SIZE = 2, 1  # of TensorShapeProto, of its Dim
_FLOAT = 1  # DataType


def read(path: Path) -> Network | None:
    """Return kernels and biases in the order of ``model.variables``.

    Older versions named the variables differently; None for those.
    """
    folder = path / "variables"
    index = memoryview((folder / "variables.index").read_bytes())
    [data] = folder.glob("variables.data-*")
    content = data.read_bytes()
    found = {
        int(match[1]): array
        for key, entry in _entries(index)
        if (match := _VARIABLE.fullmatch(key)) and (array := _array(entry, content)) is not None
    }
    dense: list[Dense] = []
    for _, array in sorted(found.items()):
        if array.ndim == 1:
            dense[-1] = Dense(dense[-1].kernel, array)
        else:
            dense.append(Dense(array, None))
    return Network(None, tuple(dense)) if dense else None


def _array(entry: memoryview, content: bytes) -> Weights | None:
    """Return the values of a variable, or None if it is not float32."""
    found = dict(fields(entry))
    if found[_DTYPE] != _FLOAT:
        return None
    dims = [value for number, value in fields(_message(found[_SHAPE])) if number == _DIM]
    shape = [_integer(dict(fields(_message(dim))).get(_DIM_SIZE, 0)) for dim in dims]
    offset, size = _integer(found.get(_OFFSET, 0)), _integer(found.get(_SIZE, 0))
    return np.frombuffer(content, "<f4", size // 4, offset).reshape(shape)


def _entries(index: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the keys and values of a table: a footer names the index of its data blocks."""
    footer = index[-_FOOTER:]
    if struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise ValueError("variables.index is not a table")
    _, place = _handle(footer, 0)
    (offset, size), _ = _handle(footer, place)
    for _, handle in _block(index, offset, size):
        (offset, size), _ = _handle(handle, 0)
        yield from _block(index, offset, size)


def _handle(message: memoryview, place: int) -> tuple[tuple[int, int], int]:
    """Return offset and size of a block, and the position after them."""
    offset, place = varint(message, place)
    size, place = varint(message, place)
    return (offset, size), place


def _block(index: memoryview, offset: int, size: int) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the entries of a block; keys share their beginning with the key before."""
    block, kind = index[offset : offset + size], index[offset + size]
    if kind != _UNCOMPRESSED:
        raise ValueError("variables.index is compressed")
    restarts = struct.unpack("<I", block[-4:])[0]
    end, place, key = len(block) - 4 * (restarts + 1), 0, b""
    while place < end:
        shared, place = varint(block, place)
        rest, place = varint(block, place)
        length, place = varint(block, place)
        key = key[:shared] + bytes(block[place : place + rest])
        place += rest
        yield key, block[place : place + length]
        place += length


def _message(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise ValueError("variables.index has a number in place of a message")
    return value


def _integer(value: memoryview | int) -> int:
    if not isinstance(value, int):
        raise ValueError("variables.index has a message in place of a number")
    return value
