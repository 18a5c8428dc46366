"""Parquet files with images, in every type that the column may have."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.runtimes.predictor import Images

PIXELS = 784


def sample_images(workspace: Path) -> Images:
    """The test images of the sample, as the workspace ``smoke`` has them."""
    [data] = (workspace / "runs" / "data").iterdir()
    images: Images = np.load(data / "test_images.npy")
    return images


def column_of(images: Images, kind: Any) -> Any:
    """Return a column of this type with all images."""
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(pa.array(images.reshape(-1)), type=kind)
    flat = images.reshape(len(images), -1)
    if hasattr(kind, "value_type"):
        return pa.array(list(flat), kind)
    return pa.array([image.tobytes() for image in flat], kind)


def write_images(
    path: Path, images: Images, kind: Any = None, *, group: int | None = None, **columns: Any
) -> Path:
    """Write a file with images, by default as lists of fixed size, and with further columns."""
    image = column_of(images, kind or pa.list_(pa.uint8(), PIXELS))
    pq.write_table(pa.table({"image": image, **columns}), path, row_group_size=group)
    return path


TYPES = (
    pa.list_(pa.uint8(), PIXELS),
    pa.list_(pa.uint8()),
    pa.large_list(pa.uint8()),
    pa.binary(),
    pa.large_binary(),
    pa.binary(PIXELS),
)
