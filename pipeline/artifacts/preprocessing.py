"""What turns pictures into the images of a model, named in its manifest and in its files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.artifacts.serialization import from_json, to_json
from pipeline.artifacts.stage_facts import DataFacts

Name = Literal["mnist-canonical", "resize", "exact"]
Fit = Literal["fit", "crop"]

METADATA_KEY = "preprocessing"
_MNIST, _MNIST_SHAPE = "mnist", (28, 28, 1)


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes an image of ``size`` (height, width) with 1 or 3 channels.

    ``mnist-canonical`` finds digits and brings each to the form of MNIST's images. ``resize`` keeps
    the aspect ratio: with ``fit``, the whole picture is centered on black, with ``crop``, its
    center fills the image. ``exact`` accepts only pictures of this size, as older versions do.
    """

    name: Name
    size: tuple[int, int]
    channels: int
    fit: Fit | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one image."""
        return (*self.size, self.channels)

    @property
    def finds_digits(self) -> bool:
        """Whether the images are the digits of a picture, of which there may be none or many."""
        return self.name == "mnist-canonical"

    def as_text(self) -> str:
        """Return JSON for the metadata of a file."""
        return json.dumps(to_json(self))


def preprocessing_of(data: DataFacts) -> Preprocessing:
    """Return the preprocessing of a model trained on this data: that of its training images.

    Only MNIST has MNIST's form: the characters of EMNIST and Kuzushiji-MNIST fill other boxes, and
    the clothes of Fashion-MNIST are not ink.
    """
    if is_mnist(data.name, data.image_shape):
        return _named("mnist-canonical", data.image_shape)
    fit: Fit = "crop" if data.preprocessing and data.preprocessing.fit == "crop" else "fit"
    return _named("resize", data.image_shape, fit)


def older_preprocessing(data_set: str, image_shape: tuple[int, ...]) -> Preprocessing:
    """Return the preprocessing of a model that does not name it: that of the time it is from."""
    return _named("mnist-canonical" if is_mnist(data_set, image_shape) else "exact", image_shape)


def preprocessing_in(metadata: Mapping[str, str], image_shape: tuple[int, ...]) -> Preprocessing:
    """Return the preprocessing in the metadata of a file, or else that of older versions.

    One for images of another shape, or of a newer version, is ignored like any unknown metadata.
    """
    try:
        found = from_json(Preprocessing, json.loads(metadata[METADATA_KEY]))
    except (KeyError, ValueError):
        found = None
    if found is None or found.image_shape != image_shape:
        return older_preprocessing(metadata.get("data_set", ""), image_shape)
    return found


def drawn_subject(data_set: str) -> str | None:
    """Return what a pen draws, light on black, in the pictures of a data set; None if nothing."""
    name, _, variant = data_set.partition(":")[0].partition("/")
    if name == _MNIST or (name == "emnist" and variant in {"digits", "mnist"}):
        return "digit"
    if name == "emnist" and variant == "letters":
        return "letter"
    return "character" if name in {"emnist", "kmnist"} else None


def is_mnist(data_set: str, image_shape: tuple[int, ...]) -> bool:
    """Return whether a model was trained on MNIST.

    ``data_set`` is its TensorFlow Datasets name, with or without a version.
    """
    return data_set.partition(":")[0] == _MNIST and image_shape == _MNIST_SHAPE


def _named(name: Name, image_shape: tuple[int, ...], fit: Fit | None = None) -> Preprocessing:
    height, width, channels = image_shape
    return Preprocessing(name, (height, width), channels, fit)
