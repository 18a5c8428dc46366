"""All activations of Keras whose arguments have defaults, by name.

Constants of an activation have their float32 values, since every file contains those.
"""

import numpy as np

from pipeline.textbook.activations import ACTIVATIONS as TEXTBOOK
from pipeline.textbook.activations import Array, sigmoid
from pipeline.verification.activations.activation import Activation
from pipeline.verification.activations.elementwise import Elementwise, Function, from_textbook
from pipeline.verification.activations.rows import LogSoftmax, Softmax, Sparsemax


def _no_rounding(x: Array, _y: Array) -> Array:
    return np.zeros_like(x)


def _result_only(_x: Array, y: Array) -> Array:
    return np.abs(y)


def _of_power(x: Array, y: Array) -> Array:
    return (1 + np.abs(x)) * np.abs(y)  # exp(x) has the relative error of x, times |x|


def _between(low: float, high: float) -> Function:
    return lambda x: np.where((x > low) & (x < high), 1.0, 0.0)


def _beyond(limit: float) -> Function:
    return lambda x: np.where(np.abs(x) > limit, 1.0, 0.0)


def _mish_derivative(x: Array) -> Array:
    t = np.tanh(_SOFTPLUS(x))
    return np.asarray(t + x * (1 - t**2) * sigmoid(x))


_LEAK = float(np.float32(0.2))
_SELU_ALPHA, _SELU_SCALE = float(np.float32(1.6732632423543772)), float(np.float32(1.05070098))
_SOFTPLUS, _ELU = TEXTBOOK["softplus"].function, TEXTBOOK["elu"]
_HARD_SILU = Elementwise(
    lambda x: x * np.clip(x + 3, 0, 6) / 6,
    lambda x: np.where(x <= -3, 0.0, np.where(x >= 3, 1.0, (2 * x + 3) / 6)),  # noqa: PLR2004
)

ACTIVATIONS: dict[str, Activation] = {
    "linear": from_textbook("linear", _no_rounding),
    "relu": from_textbook("relu", _no_rounding),
    "relu6": Elementwise(lambda x: np.clip(x, 0, 6), _between(0, 6), _no_rounding),
    "hard_tanh": Elementwise(lambda x: np.clip(x, -1, 1), _between(-1, 1), _no_rounding),
    "hard_shrink": Elementwise(lambda x: x * _beyond(0.5)(x), _beyond(0.5), _no_rounding),
    "soft_shrink": Elementwise(
        lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), _beyond(0.5), _result_only
    ),
    "leaky_relu": Elementwise(
        lambda x: np.where(x > 0, x, _LEAK * x),
        lambda x: np.where(x > 0, 1.0, _LEAK),
        _result_only,
    ),
    "hard_sigmoid": Elementwise(
        lambda x: np.clip(x + 3, 0, 6) / 6, lambda x: _between(-3, 3)(x) / 6
    ),
    "hard_silu": _HARD_SILU,
    "hard_swish": _HARD_SILU,
    "sparse_sigmoid": Elementwise(
        lambda x: np.clip(0.5 * (x + 1), 0, 1), lambda x: _between(-1, 1)(x) / 2
    ),
    "sparse_plus": Elementwise(
        lambda x: np.where(x >= 1, x, np.maximum(x + 1, 0) ** 2 / 4),
        lambda x: np.where(x >= 1, 1.0, np.maximum(x + 1, 0) / 2),
    ),
    "softsign": Elementwise(
        lambda x: x / (1 + np.abs(x)), lambda x: (1 + np.abs(x)) ** -2.0, _result_only
    ),
    "squareplus": Elementwise(
        lambda x: (x + np.sqrt(x**2 + 4)) / 2, lambda x: (1 + x / np.sqrt(x**2 + 4)) / 2
    ),
    "sigmoid": from_textbook("sigmoid"),
    "log_sigmoid": Elementwise(lambda x: -_SOFTPLUS(-x), lambda x: sigmoid(-x)),
    "softplus": from_textbook("softplus"),
    "tanh": from_textbook("tanh"),
    "tanh_shrink": Elementwise(lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2),
    "exponential": Elementwise(np.exp, np.exp, _of_power),
    "elu": from_textbook("elu"),
    "celu": from_textbook("elu"),  # equal for alpha = 1, the default
    "selu": Elementwise(
        lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * _ELU.function(x)),
        lambda x: _SELU_SCALE * np.where(x > 0, 1.0, _SELU_ALPHA * _ELU.derivative(x)),
    ),
    "silu": from_textbook("silu"),
    "swish": from_textbook("silu"),
    "mish": Elementwise(lambda x: x * np.tanh(_SOFTPLUS(x)), _mish_derivative),
    "gelu": from_textbook("gelu"),
    "softmax": Softmax(),
    "log_softmax": LogSoftmax(),
    "sparsemax": Sparsemax(),
}
