"""Standardized input: zero mean and unit variance in training, folded into the network after it."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

_ROWS = 4096  # images summed at a time
_MIN_DEVIATION = 1 / 255  # a channel that hardly changes is not scaled: noise would be all it has


@dataclass(frozen=True)
class Standardization:
    """Mean and standard deviation of each channel over all training images, in units of 0..1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def layer(self) -> keras.layers.Normalization:
        """Return the layer that computes (x - mean) / deviation of images in 0..1."""
        variance = [deviation**2 for deviation in self.deviation]
        return keras.layers.Normalization(
            axis=-1, mean=list(self.mean), variance=variance, name="standardize"
        )

    def folded(self, weights: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Return the weights of the network that computes the same from images in 0..1.

        W (x - mean) / deviation + b = W' x + b' with W' = W / deviation, b' = b - W' mean, where
        W is the first layer's kernel (pixels * channels, units), channels last.
        """
        kernel, bias, *others = weights
        pixels = len(kernel) // len(self.mean)
        mean, deviation = np.tile(self.mean, pixels), np.tile(self.deviation, pixels)
        scaled = kernel.astype(np.float64) / deviation[:, np.newaxis]
        shifted = bias - mean @ scaled
        return [scaled.astype(kernel.dtype), shifted.astype(bias.dtype), *others]


def measure(images: npt.NDArray[np.uint8]) -> Standardization:
    """Return the statistics of images (n, height, width, channels), 0..255.

    The sums are of integers: they do not depend on the order.
    """
    channels = images.shape[-1]
    total, squares = np.zeros(channels, np.uint64), np.zeros(channels, np.uint64)
    for first in range(0, len(images), _ROWS):
        values = images[first : first + _ROWS].reshape(-1, channels)
        total += values.sum(axis=0, dtype=np.uint64)
        squares += np.square(values, dtype=np.uint16).sum(axis=0, dtype=np.uint64)
    count = images.size // channels
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0)) / 255
    deviation[deviation < _MIN_DEVIATION] = 1
    return Standardization(tuple(map(float, mean / 255)), tuple(map(float, deviation)))
