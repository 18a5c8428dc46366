"""Golden predictions: a few images with the trained model's predictions, checked before use.

A model that was verified where it was published may still predict something else where it is used,
on another processor or with another release of the runtime.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt

from pipeline.errors import ModelError, sentence
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.tasks.task import Labels, Task

GOLDEN = "golden.npz"
_MAX_IMAGES = 10
_TINY = 1e-30  # in place of a tolerance of 0, by which nothing can be divided
_MAX_BYTES = 64 * 2**20  # unpacked; ten images of 224 x 224 have 1.5 MB


@dataclass(frozen=True)
class Golden:
    """Images, uint8 (n, height, width, channels), and predictions, float32 (n, units).

    ``allowed``, float64 (n, units), is how far each may be from the exact one; older versions do
    not have it.
    """

    images: Images
    probabilities: Probabilities
    allowed: npt.NDArray[np.float64] | None = None

    def write(self, path: Path) -> None:
        """Write the arrays into one file."""
        arrays: dict[str, Any] = {"images": self.images, "probabilities": self.probabilities}
        if self.allowed is not None:
            arrays["allowed"] = self.allowed
        np.savez(path, **arrays)

    def require_valid(self) -> None:
        """Check the arrays of a file.

        Raises:
            ValueError: there is no image, or a type, a shape or a value is wrong.
        """
        if not len(self.images):
            raise ValueError("it must have at least one image; got none.")
        arrays: dict[str, tuple[npt.NDArray[Any], type, int]] = {
            "images": (self.images, np.uint8, 4),
            "probabilities": (self.probabilities, np.float32, 2),
        }
        if self.allowed is not None:
            arrays["allowed"] = (self.allowed, np.float64, 2)
        for name, (array, dtype, dimensions) in arrays.items():
            if array.dtype != dtype or array.ndim != dimensions or len(array) != len(self.images):
                raise ValueError(f"{name} has the type {array.dtype} and the shape {array.shape}.")
        for name, values in (("probabilities", self.probabilities), ("allowed", self.allowed)):
            if values is not None and not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite; got infinity or NaN.")
        if self.allowed is not None and self.allowed.shape != self.probabilities.shape:
            raise ValueError(f"allowed has the shape {self.allowed.shape}.")

    def limits(self, tolerance: float) -> float | npt.NDArray[np.float64]:
        """Return the permitted differences; both sides may be ``allowed`` from the exact value."""
        return tolerance if self.allowed is None else np.maximum(tolerance, 2 * self.allowed)


def select_golden(
    images: Images,
    labels: Labels,
    probabilities: Probabilities,
    allowed: npt.NDArray[np.float64] | None = None,
) -> Golden:
    """Return the first images of each of at most ten labels, with their predictions.

    Of more labels, such as numbers, those at equal distances in their order are taken.

    ``images`` is uint8 (n, height, width, channels), ``labels`` (n,), ``probabilities`` float32
    (n, units), and ``allowed``, see ``Golden``, float64 of the same shape.
    """
    known = np.unique(labels)
    places = np.linspace(0, len(known) - 1, min(len(known), _MAX_IMAGES)).round().astype(int)
    of_each = _MAX_IMAGES // len(places)
    chosen = np.concatenate([np.flatnonzero(labels == known[n])[:of_each] for n in places])
    return Golden(
        np.asarray(images[chosen]),
        np.asarray(probabilities[chosen]),
        None if allowed is None else allowed[chosen],
    )


def read_golden(path: Path) -> Golden:
    """Return the golden predictions of a published version.

    Raises:
        ModelError: the file is damaged, or its arrays are larger than a few images.
    """
    try:
        with ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _MAX_BYTES:
            raise ValueError(f"it must unpack to at most {_MAX_BYTES:,} bytes; got {size:,}")
        with np.load(path, allow_pickle=False) as file:
            golden = Golden(file["images"], file["probabilities"], file.get("allowed"))
            golden.require_valid()
            return golden
    except Exception as error:  # NumPy and zipfile raise many kinds for damaged files
        raise ModelError(
            f"Cannot read the golden predictions in {path}: {sentence(error)} Publish the model "
            "again (pipeline run)."
        ) from error


def require_golden(predictor: Predictor, path: Path, task: Task, tolerance: float) -> None:
    """Check that a model predicts the same here as where it was published.

    ``tolerance`` is that of probabilities, from which that of the task follows.

    Raises:
        ModelError: a prediction differs by more than the tolerance, and by more than rounding.
    """
    golden = read_golden(path)
    got = predictor.predict(golden.images)
    if golden.probabilities.shape != got.shape:
        raise ModelError(
            f"The golden predictions in {path} must have the shape {got.shape} of the model's "
            f"predictions; got {golden.probabilities.shape}. Publish the model again (pipeline "
            "run)."
        )
    tolerance = task.tolerance(tolerance, golden.probabilities)
    differences = np.abs(got.astype(np.float64) - golden.probabilities)
    limits = np.maximum(golden.limits(tolerance), _TINY)
    limits = np.broadcast_to(limits, differences.shape)
    if not (differences <= limits).all():  # also true for NaN
        worst = np.unravel_index((differences / limits).argmax(), differences.shape)
        raise ModelError(
            f"{path.parent} gives different predictions on this machine than where it was "
            f"published: predictions must agree within {limits[worst]:.3g}; got a difference of "
            f"{differences[worst]:.3g}. Do not use it here; run pipeline verify to find the cause."
        )
