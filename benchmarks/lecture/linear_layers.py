"""Linear layers as one: the product of the weights of a network without activations."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from pipeline.textbook.activations import Array


@dataclass(frozen=True)
class Linear:
    """z = x W + b: weights (784, 10) and biases (10,)."""

    weights: Array
    biases: Array


def product(model: Path) -> Linear:
    """Return W = W0 W1 ... and b = (b0 W1 + b1) W2 + ... of a saved network."""
    layers = keras.saving.load_model(model).layers
    weights, biases = np.eye(784), np.zeros(784)
    for layer in layers:
        if isinstance(layer, keras.layers.Dense):
            kernel, bias = (np.asarray(value, np.float64) for value in layer.get_weights())
            weights, biases = weights @ kernel, biases @ kernel + bias
    return Linear(weights, biases)
