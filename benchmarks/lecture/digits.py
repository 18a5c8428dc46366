"""The full MNIST as matrices with one image per row."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.machine import write_digits
from pipeline.textbook.activations import Array

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Digits:
    """Images (n, 784), 0 to 255, and labels (n,), 0 to 9: 60,000 to train with, 10,000 to test."""

    train_images: Pixels
    train_labels: Array
    test_images: Pixels
    test_labels: Array


def read_digits() -> Digits:
    """Return the digits of the data stage, which has shuffled them once."""
    folder = write_digits()
    train, test = (np.load(folder / f"{name}images.npy") for name in ("", "test_"))
    return Digits(
        train.reshape(len(train), -1).astype(np.float32),
        np.load(folder / "labels.npy").astype(np.float64),
        test.reshape(len(test), -1).astype(np.float32),
        np.load(folder / "test_labels.npy").astype(np.float64),
    )
