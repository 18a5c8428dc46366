"""The textbook's network with the weights of a Keras model."""

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt

from pipeline.textbook.activations import ACTIVATIONS, Array
from pipeline.textbook.backpropagation import Network
from pipeline.textbook.losses import OutputLoss


def textbook_network(
    dense: Sequence[keras.layers.Dense], activation: str, output: OutputLoss, *, l2: float
) -> Network | None:
    """Return the network, or None if the textbook does not have its activation."""
    known = ACTIVATIONS.get(activation)
    if known is None and len(dense) > 1:
        return None
    return Network(
        [_plain(layer.kernel) for layer in dense],
        [_plain(layer.bias) for layer in dense],
        known or ACTIVATIONS["linear"],
        output,
        l2,
    )


def scaled_and_flat(images: npt.NDArray[np.uint8]) -> Array:
    """Return images (n, height, width, channels) 0..255 as rows of numbers 0..1, float64."""
    return images.reshape(len(images), -1).astype(np.float64) / 255


def _plain(variable: keras.Variable) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)
