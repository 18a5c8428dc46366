"""The column ``image`` of a table as an array of pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.runtimes.predictor import Images


@dataclass(frozen=True)
class Pixels:
    """The images of those rows that have one, uint8 (k, *image_shape).

    ``errors`` has the reason for each other row, by its number.
    """

    images: Images
    errors: dict[int, str]


def pixels_of(column: Any, image_shape: tuple[int, ...]) -> Pixels:
    """Return the images of a column of lists of uint8, or of binary values."""
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # binary values of more than 2 GiB
        array = pa.concat_arrays(array.chunks)
    size = int(np.prod(image_shape))
    errors = _errors(array, size)
    if errors:
        valid = np.ones(len(array), bool)
        valid[list(errors)] = False
        array = array.filter(pa.array(valid))
    return Pixels(_flat(array, size).reshape(-1, *image_shape), errors)


def _errors(array: Any, size: int) -> dict[int, str]:
    """Return what is wrong with a row, by its number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[int, str] = {}
    is_list = hasattr(array.type, "value_type")
    if not pa.types.is_fixed_size_list(array.type) or array.null_count:
        length = pc.list_value_length if is_list else pc.binary_length
        lengths = length(array).fill_null(-1).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(lengths != size):
            got = "null" if lengths[row] < 0 else f"{lengths[row]} pixels"
            found[int(row)] = f"An image must have {size} pixels; got {got}."
    if is_list and (values := pc.list_flatten(array)).null_count:
        rows = pc.list_parent_indices(array).filter(values.is_null()).to_numpy()
        for row in np.unique(rows):
            found.setdefault(int(row), f"An image must have {size} pixels; got null among them.")
    return dict(sorted(found.items()))


def _flat(array: Any, size: int) -> npt.NDArray[np.uint8]:
    """Return all bytes of an array without nulls, whose rows have ``size`` bytes each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if hasattr(array.type, "value_type"):
        return np.asarray(pc.list_flatten(array).to_numpy(zero_copy_only=False), np.uint8)
    if not len(array):
        return np.zeros(0, np.uint8)
    if pa.types.is_fixed_size_binary(array.type):
        start, data = array.offset * size, array.buffers()[1]
    else:
        wide = pa.types.is_large_binary(array.type)
        offsets = np.frombuffer(array.buffers()[1], np.int64 if wide else np.int32)
        start, data = int(offsets[array.offset]), array.buffers()[2]
    return np.frombuffer(data, np.uint8, len(array) * size, start)
