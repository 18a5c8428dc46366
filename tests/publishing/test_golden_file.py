"""Golden files are limited, since they come with the model."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.errors import ModelError
from pipeline.publishing.golden import Golden, read_golden


def test_golden_file_is_read(tmp_path: Path) -> None:
    images, probabilities = np.ones((2, 3, 3, 1), np.uint8), np.ones((2, 4), np.float32)
    Golden(images, probabilities).write(tmp_path / "golden.npz")
    read = read_golden(tmp_path / "golden.npz")
    np.testing.assert_array_equal(read.images, images)
    np.testing.assert_array_equal(read.probabilities, probabilities)


def test_golden_file_that_expands_is_rejected_unread(tmp_path: Path) -> None:
    """100 MB of zeros take 100 KB."""
    path = tmp_path / "golden.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("images.npy", bytes(10**8))
    text = r"golden\.npz: it must unpack to at most 67,108,864 bytes; got 100,000,000\. Publish the"
    with pytest.raises(ModelError, match=text):
        read_golden(path)


def test_damaged_golden_file_is_explained(tmp_path: Path) -> None:
    path, objects = tmp_path / "golden.npz", io.BytesIO()
    np.save(objects, np.array([None]), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("images.npy", objects.getvalue())
    with pytest.raises(ModelError, match=r"Cannot read the golden predictions .* Object arrays"):
        read_golden(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"Cannot read the golden predictions .* not a zip file"):
        read_golden(path)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"images": np.zeros((2, 28, 28, 1), np.float32)}, "images has the type float32"),
        ({"probabilities": np.zeros((3, 10), np.float32)}, r"probabilities has .* \(3, 10\)"),
        ({"allowed": np.zeros((2, 9))}, r"allowed has the shape \(2, 9\)"),
    ],
)
def test_arrays_of_other_shapes_are_explained(
    tmp_path: Path, changed: dict[str, npt.NDArray[Any]], text: str
) -> None:
    arrays: dict[str, Any] = {
        "images": np.zeros((2, 28, 28, 1), np.uint8),
        "probabilities": np.zeros((2, 10), np.float32),
    }
    np.savez(tmp_path / "golden.npz", **{**arrays, **changed})
    with pytest.raises(ModelError, match=f"Cannot read the golden predictions .* {text}"):
        read_golden(tmp_path / "golden.npz")
