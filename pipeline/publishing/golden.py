"""A few images and what the trained model answers to them: whoever opens a version asks first.

A model that was proven where it was published may still answer otherwise where it is used: another
processor, another release of the runtime.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.errors import ModelError
from pipeline.runtimes.predictor import Images, Predictor, Probabilities

GOLDEN = "golden.npz"
_MOST_IMAGES = 10


@dataclass(frozen=True)
class Golden:
    """Images, uint8 (n, height, width, channels), and probabilities, float32 (n, num_classes)."""

    images: Images
    probabilities: Probabilities

    def write(self, path: Path) -> None:
        """Write both arrays into one file."""
        np.savez(path, images=self.images, probabilities=self.probabilities)


def record(images: Images, labels: npt.NDArray[np.int64], answers: Probabilities) -> Golden:
    """Return the first image of each class, of the first ten, with the trained model's answer."""
    _, places = np.unique(labels, return_index=True)
    chosen = places[:_MOST_IMAGES]
    return Golden(np.asarray(images[chosen]), np.asarray(answers[chosen]))


def require_golden(predictor: Predictor, path: Path, tolerance: float) -> None:
    """Demand that a model answers here as it did where it was published.

    Raises:
        ModelError: it does not; the largest difference of a probability is told.
    """
    with np.load(path, allow_pickle=False) as file:
        golden = Golden(file["images"], file["probabilities"])
    got = predictor.predict(golden.images)
    difference = np.max(np.abs(got.astype(np.float64) - golden.probabilities))
    if not difference <= tolerance:  # also where it is not a number
        raise ModelError(
            f"{path.parent} must answer here as it did where it was published, within "
            f"{tolerance:g}; got a probability that differs by {difference:.3g}. Do not use it on "
            "this machine; see which runtime is at fault: pipeline verify."
        )
