"""The data set on disk: arrays of three splits, and the files that later stages add to it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.serialization import from_json, to_json

SPLITS = ("train", "validation", "test")
TRAINED_MODEL_FILE = "model.keras"  # written by ``train``
TEST_PROBABILITIES_FILE = "test_probabilities.npy"  # of the trained model, written by ``evaluate``
ALLOWED_FILE = "allowed_differences.npy"  # of each prediction, float64, written by ``verify``
_DESCRIPTION = "data.json"


@dataclass(frozen=True)
class Split:
    """Memory-mapped: images, uint8 (n, height, width, channels) 0..255, and labels (n,).

    Labels are int64, or float32 if they are numbers instead of classes.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Description:
    """The name of a data set, its source, and its classes; none if the labels are numbers."""

    name: str
    source: str
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class DataSet(Description):
    """The three splits of a data set, with its description."""

    train: Split
    validation: Split
    test: Split

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one image."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels


def split_file(split: str, array: str) -> str:
    """Return the name of the file with a split's ``images`` or ``labels``."""
    return f"{split}_{array}.npy"


def read_data(folder: Path) -> DataSet:
    """Open the arrays in a data stage's folder, memory-mapped."""
    description = from_json(Description, json.loads((folder / _DESCRIPTION).read_text()))
    train, validation, test = (_read_split(folder, name) for name in SPLITS)
    return DataSet(**vars(description), train=train, validation=validation, test=test)


def write_description(folder: Path, description: Description) -> None:
    """Write the description next to the arrays."""
    text = json.dumps(to_json(description), indent=2)
    (folder / _DESCRIPTION).write_text(text + "\n")


def write_images(
    folder: Path,
    name: str,
    images: npt.NDArray[np.uint8],
    indices: npt.NDArray[np.int64],
    *,
    rows: int = 8192,
) -> None:
    """Write the images (n, height, width, channels) at ``indices``, in chunks."""
    chunks = (indices[first : first + rows] for first in range(0, len(indices), rows))
    shape = (len(indices), *images.shape[1:])
    write_array(
        folder / split_file(name, "images"), (images[chunk] for chunk in chunks), shape, np.uint8
    )


def write_labels(folder: Path, name: str, labels: npt.NDArray[Any]) -> None:
    """Write the labels (n,) of a split."""
    path = folder / split_file(name, "labels")
    write_array(path, [labels], labels.shape, labels.dtype.type)


def write_array(
    path: Path, chunks: Iterable[npt.NDArray[Any]], shape: tuple[int, ...], dtype: type[np.generic]
) -> None:
    """Write a ``.npy`` file from chunks of its rows.

    Not memory-mapped: on a full disk, that kills the process with SIGBUS instead of raising.
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype).data)


def _read_split(folder: Path, name: str) -> Split:
    return Split(
        images=np.load(folder / split_file(name, "images"), mmap_mode="r"),
        labels=np.load(folder / split_file(name, "labels"), mmap_mode="r"),
    )
