"""Activation functions x = f(z) and their derivatives dx/dz."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Activation:
    """An activation function; both functions map (n, units) to (n, units), element by element.

    ``kinks`` are the values of z where the derivative jumps. There it is taken from the left, as
    TensorFlow does. ``slope`` and ``curvature`` are the largest |dx/dz| and, between kinks, the
    largest |d^2x/dz^2|, rounded up.
    """

    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    slope: float
    curvature: float
    kinks: tuple[float, ...] = ()


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)), without overflow."""
    return np.exp(-np.logaddexp(0, -z))


def _relu(z: Array) -> Array:
    return np.maximum(z, 0)


def _relu_derivative(z: Array) -> Array:
    return np.where(z > 0, 1.0, 0.0)


_SLOPE = 0.2  # of leaky_relu for z < 0, as in keras.activations.leaky_relu


def _leaky_relu(z: Array) -> Array:
    return np.where(z > 0, z, _SLOPE * z)


def _leaky_relu_derivative(z: Array) -> Array:
    return np.where(z > 0, 1.0, _SLOPE)


def _elu(z: Array) -> Array:
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def _elu_derivative(z: Array) -> Array:
    return np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))


def _normal_cdf(z: Array) -> Array:
    erf = np.vectorize(math.erf, otypes=[np.float64])
    return np.asarray((1 + erf(z / np.sqrt(2))) / 2)


def _gelu(z: Array) -> Array:
    return np.asarray(z * _normal_cdf(z))


def _gelu_derivative(z: Array) -> Array:
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(_normal_cdf(z) + z * density)


def _silu(z: Array) -> Array:
    return np.asarray(z * sigmoid(z))


def _silu_derivative(z: Array) -> Array:
    return sigmoid(z) * (1 + z * sigmoid(-z))


def _sigmoid_derivative(z: Array) -> Array:
    return sigmoid(z) * sigmoid(-z)


def _tanh_derivative(z: Array) -> Array:
    return 1 - np.tanh(z) ** 2


def _softplus(z: Array) -> Array:
    return np.logaddexp(0, z)


def _linear(z: Array) -> Array:
    return z


# By the names of Keras, with its default arguments.
ACTIVATIONS = {
    "linear": Activation(_linear, np.ones_like, 1, 0),
    "relu": Activation(_relu, _relu_derivative, 1, 0, kinks=(0.0,)),
    "leaky_relu": Activation(_leaky_relu, _leaky_relu_derivative, 1, 0, kinks=(0.0,)),
    "elu": Activation(_elu, _elu_derivative, 1, 1),
    "gelu": Activation(_gelu, _gelu_derivative, 1.13, 0.8),
    "silu": Activation(_silu, _silu_derivative, 1.1, 0.5),
    "sigmoid": Activation(sigmoid, _sigmoid_derivative, 0.25, 0.1),
    "tanh": Activation(np.tanh, _tanh_derivative, 1, 0.77),
    "softplus": Activation(_softplus, sigmoid, 1, 0.25),
}
