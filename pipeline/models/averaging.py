"""One model from trained networks: the mean of their outputs, for an image and shifted copies.

Averaging over deformed copies of an image when predicting is older than its name, test-time
augmentation: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional
neural networks" (2012), average over ten crops.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.artifacts.member_names import MEMBERS, name_in_member
from pipeline.artifacts.model_contract import INPUT

# Rows down and columns to the right that the image is moved by.
SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
Indices = npt.NDArray[np.int32]
_SHIFTS = "shifts"  # the operation that takes the pixels


def shifted_pixels(image_shape: tuple[int, int, int]) -> Indices:
    """Return, for each shift and number of the flattened image, the place that it comes from.

    int32 (5, height * width * channels). What comes in at an edge is the pixel at the edge, as in
    ``train.augment``.
    """
    height, width, channels = image_shape
    rows, columns, channel = np.indices((height, width, channels), np.int32)
    moved = [
        ((rows - down).clip(0, height - 1), (columns - right).clip(0, width - 1))
        for down, right in SHIFTS
    ]
    places = [((y * width + x) * channels + channel).ravel() for y, x in moved]
    return np.stack(places).astype(np.int32)


def averaged(members: Sequence[keras.Model], *, over_shifts: bool) -> keras.Model:
    """Return a model with copies of the layers, and the same input and name of the output.

    Its output is the mean of those of the members, which have the same layers. ``over_shifts``
    averages over the image itself and the image shifted by one pixel in four directions too: a
    network sees the five images of each as rows of one batch, so that every weight is used once,
    and is in a file once. One member without shifts is returned as it is.
    """
    first = members[0]
    if len(members) == 1 and not over_shifts:
        return first
    pixels = image = keras.Input(first.input_shape[1:], dtype="uint8", name=INPUT)
    for layer in _split(first)[0]:
        pixels = _copy(layer, layer.name)(pixels)
    if over_shifts:
        pixels = _shifted(pixels, first.input_shape[1:])
    copies = len(SHIFTS) if over_shifts else 1
    outputs = [
        # A single network keeps the names of its layers.
        _output(member, pixels, copies, partial(name_in_member, n) if len(members) > 1 else str)
        for n, member in enumerate(members, 1)
    ]
    together = outputs[0]
    if len(members) > 1:
        together = keras.layers.Concatenate(axis=1, name=MEMBERS)(outputs)
    mean = keras.layers.GlobalAveragePooling1D(name=first.output_names[0])(together)
    return keras.Model(image, mean, name=first.name)


def copies_of(model: keras.Model) -> int:
    """Return the number of rows that a network computes for each image."""
    shifts = [op.output.shape[1] for op in model.operations if op.name == _SHIFTS]
    return int(shifts[0]) if shifts else 1


def _output(member: keras.Model, pixels: Any, copies: int, name_of: Callable[[str], str]) -> Any:
    """Return the output of a copy of a network for rows of pixels, (n, copies, units)."""
    _, network = _split(member)
    outputs = pixels
    for layer in network:
        name = f"each_{layer.name}" if layer is network[-1] else layer.name
        copy = _copy(layer, name_of(name))
        outputs = copy(outputs)
        copy.set_weights(layer.get_weights())
    grouped = keras.ops.reshape(outputs, (-1, copies, outputs.shape[-1]))
    return _named(grouped, name_of("by_image"))


def _split(model: keras.Model) -> tuple[list[keras.layers.Layer], list[keras.layers.Layer]]:
    """Return the layers from the image to its flattened pixels, and those of the network."""
    layers = model.layers[1:]
    [flatten] = [n for n, layer in enumerate(layers) if isinstance(layer, keras.layers.Flatten)]
    return layers[: flatten + 1], layers[flatten + 1 :]


def _shifted(pixels: Any, image_shape: tuple[int, int, int]) -> Any:
    """Return pixels (n, pixels) as rows (5 n, pixels); those of an image are next to each other."""
    places = shifted_pixels(image_shape)
    taken = _named(keras.ops.take(pixels, places, axis=1), _SHIFTS)
    return _named(keras.ops.reshape(taken, (-1, places.shape[1])), "shifted")


def _copy(layer: keras.layers.Layer, name: str) -> keras.layers.Layer:
    return type(layer).from_config({**layer.get_config(), "name": name})


def _named(tensor: Any, name: str) -> Any:
    """Name the operation that made a tensor: Keras numbers them by a counter of the process."""
    tensor._keras_history.operation.name = name
    return tensor
