"""Outputs f(z) with their losses, and dLoss/dz of the last layer, for each task of the lecture.

Output and loss are differentiated together: the derivative of the pair is simpler than each of its
parts, and does not overflow.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.textbook.activations import Array, sigmoid


@dataclass(frozen=True)
class OutputLoss:
    """An output with its loss, as functions of z (n, units) and the targets (n,).

    ``output`` returns f (n, units), ``loss`` one value per image (n,), and ``derivative`` dLoss/dz
    (n, units). ``kinks`` lists values of z, and ``kink_at_target`` tells whether there is one at
    z = y, where the derivative jumps.
    """

    output: Callable[[Array], Array]
    loss: Callable[[Array, Array], Array]
    derivative: Callable[[Array, Array], Array]
    kinks: tuple[float, ...] = ()
    kink_at_target: bool = False


def softmax(z: Array) -> Array:
    """Return exp(z_i) / sum_k exp(z_k) for each row; the largest z is subtracted first."""
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def one_hot(y: Array, units: int) -> Array:
    """Return the labels 0, 1, ... (n,) as rows of the identity matrix (n, units)."""
    return np.asarray(np.eye(units)[y.astype(int)])


def _cross_entropy(z: Array, y: Array) -> Array:
    """Return -log f_y = log(sum_k exp(z_k)) - z_y."""
    shifted = z - z.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return np.asarray(log_sum - shifted[np.arange(len(y)), y.astype(int)])


def _cross_entropy_derivative(z: Array, y: Array) -> Array:
    return softmax(z) - one_hot(y, z.shape[1])


def _logistic(z: Array, y: Array) -> Array:
    """Return -y log f - (1 - y) log(1 - f) = log(1 + exp(z)) - y z, where f = sigmoid(z)."""
    return np.logaddexp(0, z[:, 0]) - y * z[:, 0]


def _logistic_derivative(z: Array, y: Array) -> Array:
    return sigmoid(z) - y[:, None]


def _tanh_output(z: Array) -> Array:
    """Return (1 + tanh z) / 2 = sigmoid(2z), the probability of the label +1."""
    return (1 + np.tanh(z)) / 2


def _tanh_logistic(z: Array, y: Array) -> Array:
    """Return the logistic loss of the logit 2z; y is 0 or 1, for the labels -1 and +1."""
    return _logistic(2 * z, y)


def _tanh_logistic_derivative(z: Array, y: Array) -> Array:
    return 2 * (_tanh_output(z) - y[:, None])  # the chain rule's factor d(2z)/dz


def _identity(z: Array) -> Array:
    return z


def _relu(z: Array) -> Array:
    return np.maximum(z, 0)


def _squared(f: Array, y: Array) -> Array:
    return (f[:, 0] - y) ** 2 / 2


def _absolute(f: Array, y: Array) -> Array:
    return np.abs(f[:, 0] - y)


def _linear_squared_derivative(z: Array, y: Array) -> Array:
    return z - y[:, None]


def _linear_absolute_derivative(z: Array, y: Array) -> Array:
    return np.sign(z - y[:, None])


def _relu_squared(z: Array, y: Array) -> Array:
    return _squared(_relu(z), y)


def _relu_squared_derivative(z: Array, y: Array) -> Array:
    return np.where(z > 0, z - y[:, None], 0.0)


def _relu_absolute(z: Array, y: Array) -> Array:
    return _absolute(_relu(z), y)


def _relu_absolute_derivative(z: Array, y: Array) -> Array:
    return np.where(z > 0, np.sign(z - y[:, None]), 0.0)


# By the name of the output and of the loss.
OUTPUT_LOSSES = {
    ("softmax", "cross_entropy"): OutputLoss(softmax, _cross_entropy, _cross_entropy_derivative),
    ("sigmoid", "cross_entropy"): OutputLoss(sigmoid, _logistic, _logistic_derivative),
    ("tanh", "cross_entropy"): OutputLoss(_tanh_output, _tanh_logistic, _tanh_logistic_derivative),
    ("linear", "squared"): OutputLoss(_identity, _squared, _linear_squared_derivative),
    ("linear", "absolute"): OutputLoss(
        _identity, _absolute, _linear_absolute_derivative, kink_at_target=True
    ),
    ("relu", "squared"): OutputLoss(_relu, _relu_squared, _relu_squared_derivative, kinks=(0.0,)),
    ("relu", "absolute"): OutputLoss(
        _relu, _relu_absolute, _relu_absolute_derivative, kinks=(0.0,), kink_at_target=True
    ),
}
