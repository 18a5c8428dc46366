"""Memory shared by TensorFlow and NumPy, and code to fill it from the files of a split."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipeline.errors import DataFileError

_ALIGNMENT = 64  # bytes: TensorFlow requires it of memory that it did not allocate itself


def new_buffer(shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """Return aligned memory of zeros, to be reused: memory allocated per shard is not all freed."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def tensor_of(buffer: npt.NDArray[Any]) -> Any:
    """Return a tensor that shares the memory of the buffer, without a copy."""
    return tf.experimental.dlpack.from_dlpack(buffer.__dlpack__())


def read_rows(
    source: npt.NDArray[Any], ranges: list[tuple[int, int]], buffer: npt.NDArray[Any]
) -> int:
    """Fill the buffer and return the number of rows.

    Files are read, not memory-mapped: mapped shards of 100 MB made 320 MB resident.
    """
    if not isinstance(source, np.memmap) or source.filename is None:
        return _copy_rows(source, ranges, buffer)
    row_bytes, filled = source.nbytes // len(source), 0
    with Path(source.filename).open("rb", buffering=0) as file:
        for low, high in ranges:
            file.seek(source.offset + low * row_bytes)
            rows = buffer[filled : filled + high - low]
            if file.readinto(rows.data) != rows.nbytes:
                raise DataFileError(
                    f"{source.filename} must have {len(source):,} rows; got fewer: the file was "
                    "truncated while it was read. Run again to rebuild it."
                )
            filled += high - low
    return filled


def _copy_rows(
    source: npt.NDArray[Any], ranges: list[tuple[int, int]], buffer: npt.NDArray[Any]
) -> int:
    filled = 0
    for low, high in ranges:
        buffer[filled : filled + high - low] = source[low:high]
        filled += high - low
    return filled
