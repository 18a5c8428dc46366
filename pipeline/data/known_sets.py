"""What TensorFlow Datasets does not say about some sets: names of classes, and which way is up.

- EMNIST (Cohen et al. 2017): every image is transposed, and classes are numbers. The letters have
  the labels 1 to 26 of 37 classes; upper and lower case are the same class.
- CIFAR-10 (Krizhevsky 2009): the names are in the downloaded files, so they are known only when the
  set is prepared.
"""

import string
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_DIGITS, _UPPER, _LOWER = string.digits, string.ascii_uppercase, string.ascii_lowercase
_MERGED = "abdefghnqrt"  # letters whose lower case does not look like their upper case
_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"


@dataclass(frozen=True)
class KnownSet:
    """The classes of the feature ``label``, the label of the first one, and the orientation."""

    class_names: tuple[str, ...]
    first_label: int = 0
    transposed: bool = False

    def images(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return images (n, height, width, channels) upright."""
        return images.swapaxes(1, 2) if self.transposed else images

    def image_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the shape (height, width, channels) of an upright image."""
        height, width, channels = shape
        return (width, height, channels) if self.transposed else shape

    def labels(self, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return labels (n,) that count from 0."""
        return labels - self.first_label


_SETS = {
    "cifar10": KnownSet(tuple(_CIFAR10.split())),
    "emnist/byclass": KnownSet(tuple(_DIGITS + _UPPER + _LOWER), transposed=True),
    "emnist/bymerge": KnownSet(tuple(_DIGITS + _UPPER + _MERGED), transposed=True),
    "emnist/balanced": KnownSet(tuple(_DIGITS + _UPPER + _MERGED), transposed=True),
    "emnist/letters": KnownSet(tuple(_UPPER), first_label=1, transposed=True),
    "emnist/digits": KnownSet(tuple(_DIGITS), transposed=True),
    "emnist/mnist": KnownSet(tuple(_DIGITS), transposed=True),
}
_DEFAULT_VARIANTS = {"emnist": "emnist/byclass"}  # the first one, as in TensorFlow Datasets


def known_set(name: str) -> KnownSet | None:
    """Return what is known about a set by its name, with or without a version."""
    base = name.partition(":")[0]
    return _SETS.get(_DEFAULT_VARIANTS.get(base, base))
