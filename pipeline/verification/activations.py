"""Keras' activations in float64, each with what the error analysis in ``exact`` needs of it.

Constants of an activation have their float32 values, since every file contains those.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]

_LARGE = 300.0  # an error in an exponent that leaves nothing certain; exp of twice it is finite


class Activation(ABC):
    """An activation; ``x`` are its inputs (n, units), ``error`` bounds of their errors."""

    @abstractmethod
    def value(self, x: Array) -> Array:
        """Return the outputs (n, units)."""

    @abstractmethod
    def pull_back(self, x: Array, sensitivity: Array) -> Array:
        """Return sensitivities to the inputs from those to the outputs, both (n, outputs, units).

        This is the product with the Jacobian of the activation, as in backpropagation.
        """

    @abstractmethod
    def variance(self, x: Array, variance: Array) -> Array:
        """Return the variances of the errors of the outputs from those of the inputs."""

    @abstractmethod
    def remainder(self, x: Array, error: Array) -> Array:
        """Return how far the outputs may be from their linearization, for errors of the inputs."""

    def magnitude(self, x: Array, y: Array) -> Array:
        """Return the largest intermediate result of computing the outputs ``y``; it is rounded."""
        return np.abs(x) + np.abs(y) + 1


@dataclass(frozen=True)
class Elementwise(Activation):
    """A function of one number, with its derivative."""

    function: Function
    slope: Function
    largest: Callable[[Array, Array], Array] | None = None

    def value(self, x: Array) -> Array:
        """Return f(x)."""
        return self.function(x)

    def pull_back(self, x: Array, sensitivity: Array) -> Array:
        """Return f'(x) v."""
        return sensitivity * self.slope(x)[:, None]

    def variance(self, x: Array, variance: Array) -> Array:
        """Return f'(x)^2 Var(x)."""
        return self.slope(x) ** 2 * variance

    def remainder(self, x: Array, error: Array) -> Array:
        """Return the larger of |f(x + e) - f(x) - f'(x) e| and |f(x - e) - f(x) + f'(x) e|.

        It is not 0 where a kink, such as that of ReLU at 0, is within the error. Between kinks, the
        functions are convex or concave for errors of the size of roundings, so the ends suffice.
        """
        y, change = self.function(x), self.slope(x) * error
        above = np.abs(self.function(x + error) - y - change)
        return np.maximum(above, np.abs(self.function(x - error) - y + change))

    def magnitude(self, x: Array, y: Array) -> Array:
        """Return |x| + |f(x)| + 1, or less where the function is known to round less."""
        return super().magnitude(x, y) if self.largest is None else self.largest(x, y)


class Softmax(Activation):
    """exp(x_i) / sum_j exp(x_j)."""

    def value(self, x: Array) -> Array:
        """Return the softmax of each row."""
        return softmax(x)

    def pull_back(self, x: Array, sensitivity: Array) -> Array:
        """Return p * (v - v.p)."""
        p = softmax(x)[:, None]
        return np.asarray(p * (sensitivity - np.sum(sensitivity * p, axis=-1, keepdims=True)))

    def variance(self, x: Array, variance: Array) -> Array:
        """Return p_i^2 ((1 - p_i)^2 Var(x_i) + sum over j != i of p_j^2 Var(x_j))."""
        p = softmax(x)
        return np.asarray(p**2 * _variance_of_difference(p, variance))

    def remainder(self, x: Array, error: Array) -> Array:
        """Return p_i (exp(s_i) - 1 - s_i + r), at most 1 + p_i s_i since outputs are 0 to 1.

        Errors multiply p_i by exp(d_i - log sum_j p_j exp(d_j)), where d are relative to the error
        of the largest input. That exponent is s_i at most; r is the remainder of the logarithm.
        """
        p = softmax(x)
        d = _relative_to_largest(p, error)
        s = np.minimum(d + np.log(np.sum(p * np.exp(d), axis=1, keepdims=True)), _LARGE)
        return np.asarray(np.minimum(p * (np.expm1(s) - s + _of_log_sum_exp(p, d)), 1 + p * s))


class LogSoftmax(Activation):
    """x_i - log sum_j exp(x_j)."""

    def value(self, x: Array) -> Array:
        """Return the logarithm of the softmax of each row."""
        shifted = x - x.max(axis=1, keepdims=True)
        return np.asarray(shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True)))

    def pull_back(self, x: Array, sensitivity: Array) -> Array:
        """Return v - p sum_j v_j."""
        return np.asarray(
            sensitivity - softmax(x)[:, None] * sensitivity.sum(axis=-1, keepdims=True)
        )

    def variance(self, x: Array, variance: Array) -> Array:
        """Return (1 - p_i)^2 Var(x_i) + sum over j != i of p_j^2 Var(x_j)."""
        return _variance_of_difference(softmax(x), variance)

    def remainder(self, x: Array, error: Array) -> Array:
        """Return that of log-sum-exp, at most twice the largest error."""
        p = softmax(x)
        of_sum = _of_log_sum_exp(p, _relative_to_largest(p, error))
        bound = np.minimum(of_sum, 2 * error.max(axis=1, keepdims=True))
        return np.broadcast_to(bound, x.shape)


class Sparsemax(Activation):
    """max(x - t, 0) with the threshold t that Keras computes.

    In Martins and Astudillo (2016), t is (the sum of the k largest x - 1) / k. Keras (3.15) adds
    their cumulative sums instead, and its files do the same.
    """

    def _sorted(self, x: Array) -> tuple[Array, Array, npt.NDArray[np.int64]]:
        """Return x in descending order, (its cumulative sums - 1) / k for each k, and the last k.

        The last k counts the x that are larger than that quotient.
        """
        ordered = -np.sort(-x, axis=1)
        quotients = (np.cumsum(ordered, axis=1) - 1) / np.arange(1, x.shape[1] + 1)
        return ordered, quotients, np.sum(ordered > quotients, axis=1, keepdims=True)

    def _thresholds(self, ordered: Array) -> Array:
        """Return t for each k."""
        sums = np.cumsum(np.cumsum(ordered, axis=1), axis=1)
        return np.asarray((sums - 1) / np.arange(1, ordered.shape[1] + 1))

    def _threshold(self, x: Array) -> Array:
        ordered, _, last = self._sorted(x)
        return np.take_along_axis(self._thresholds(ordered), last - 1, axis=1)

    def _weights(self, x: Array) -> Array:
        """Return dt / dx_j: (k - rank of x_j) / k, the largest having the rank 0."""
        _, _, last = self._sorted(x)
        ranks = np.argsort(np.argsort(-x, axis=1), axis=1)
        return np.asarray(np.maximum(last - ranks, 0) / last)

    def value(self, x: Array) -> Array:
        """Return max(x - t, 0)."""
        return np.maximum(x - self._threshold(x), 0)

    def pull_back(self, x: Array, sensitivity: Array) -> Array:
        """Return v - (dt / dx) sum_j v_j, both over the outputs that are not 0."""
        kept = sensitivity * (x > self._threshold(x))[:, None]
        return np.asarray(kept - self._weights(x)[:, None] * kept.sum(axis=-1, keepdims=True))

    def variance(self, x: Array, variance: Array) -> Array:
        """Return the variance of x_i - t, both linearized, for the outputs that are not 0."""
        on = x > self._threshold(x)
        return np.asarray(on * _variance_of_difference(self._weights(x), variance))

    def remainder(self, x: Array, error: Array) -> Array:
        """Return the possible change of t where the errors may change the order or the last k."""
        ordered, quotients, _ = self._sorted(x)
        d = 2 * error.max(axis=1, keepdims=True) * x.shape[1]
        jumps = np.abs(self._thresholds(ordered) - self._threshold(x)).max(axis=1, keepdims=True)
        other_last = np.any(np.abs(ordered - quotients) <= d, axis=1, keepdims=True)
        other_order = np.any(-np.diff(ordered, axis=1) <= d, axis=1, keepdims=True)
        kink = np.any(np.abs(x - self._threshold(x)) <= d, axis=1, keepdims=True)
        change = np.where(other_last, jumps, 0) + np.where(other_order | kink, d, 0)
        return np.broadcast_to(change, x.shape)


def _variance_of_difference(weights: Array, variance: Array) -> Array:
    """Return the variances of x_i - sum_j w_j x_j, for independent x."""
    shared = np.sum(weights**2 * variance, axis=1, keepdims=True)
    return np.asarray((1 - 2 * weights) * variance + shared)


def _relative_to_largest(p: Array, error: Array) -> Array:
    """Return bounds of the errors minus that of the most probable class, for which it is 0."""
    top = p.argmax(axis=1)[:, None]
    d = np.minimum(error + np.take_along_axis(error, top, axis=1), _LARGE)
    np.put_along_axis(d, top, 0, axis=1)
    return d


def _of_log_sum_exp(p: Array, d: Array) -> Array:
    """Return how far log sum_j exp(x_j) may be from its linearization, with p = softmax(x).

    log sum_j p_j exp(d_j) - sum_j p_j d_j is at least 0, and at most sum_j p_j (exp(d_j) - 1 - d_j)
    since log(1 + y) <= y.
    """
    return np.asarray(np.sum(p * (np.expm1(d) - d), axis=1, keepdims=True))


def softmax(x: Array) -> Array:
    """Return exp(x) / sum(exp(x)) of each row."""
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))


def _softplus(x: Array) -> Array:
    return np.logaddexp(0, x)


def _elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _elu_slope(x: Array) -> Array:
    return np.exp(np.minimum(x, 0))


def _clip_slope(low: float, high: float) -> Function:
    return lambda x: np.where((x > low) & (x < high), 1.0, 0.0)


def _tanh_slope(x: Array) -> Array:
    return np.asarray(1 - np.tanh(x) ** 2)


def _normal_cdf(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))))


def _mish_slope(x: Array) -> Array:
    t = np.tanh(_softplus(x))
    return np.asarray(t + x * (1 - t**2) * _sigmoid(x))


def _no_rounding(x: Array, _y: Array) -> Array:
    return np.zeros_like(x)


def _result_only(_x: Array, y: Array) -> Array:
    return np.abs(y)


def _of_power(x: Array, y: Array) -> Array:
    return (1 + np.abs(x)) * np.abs(y)  # exp(x) has the relative error of x, times |x|


def _slope_for_negative(slope: float) -> Elementwise:
    return Elementwise(
        lambda x: np.where(x > 0, x, slope * x),
        lambda x: np.where(x > 0, 1.0, slope),
        _result_only,
    )


_LEAK = float(np.float32(0.2))
_SELU_ALPHA, _SELU_SCALE = float(np.float32(1.6732632423543772)), float(np.float32(1.05070098))
_SILU = Elementwise(lambda x: x * _sigmoid(x), lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x)))
_HARD_SILU = Elementwise(
    lambda x: x * np.clip(x + 3, 0, 6) / 6,
    lambda x: np.where(x <= -3, 0.0, np.where(x >= 3, 1.0, (2 * x + 3) / 6)),  # noqa: PLR2004
)
_ELU = Elementwise(_elu, _elu_slope)

ACTIVATIONS: dict[str, Activation] = {
    "linear": Elementwise(lambda x: x, np.ones_like, _no_rounding),
    "relu": Elementwise(lambda x: np.maximum(x, 0), _clip_slope(0, np.inf), _no_rounding),
    "relu6": Elementwise(lambda x: np.clip(x, 0, 6), _clip_slope(0, 6), _no_rounding),
    "hard_tanh": Elementwise(lambda x: np.clip(x, -1, 1), _clip_slope(-1, 1), _no_rounding),
    "hard_shrink": Elementwise(
        lambda x: np.where(np.abs(x) > 0.5, x, 0.0),  # noqa: PLR2004
        lambda x: np.where(np.abs(x) > 0.5, 1.0, 0.0),  # noqa: PLR2004
        _no_rounding,
    ),
    "soft_shrink": Elementwise(
        lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
        lambda x: np.where(np.abs(x) > 0.5, 1.0, 0.0),  # noqa: PLR2004
        _result_only,
    ),
    "leaky_relu": _slope_for_negative(_LEAK),
    "hard_sigmoid": Elementwise(
        lambda x: np.clip(x + 3, 0, 6) / 6, lambda x: _clip_slope(-3, 3)(x) / 6
    ),
    "hard_silu": _HARD_SILU,
    "hard_swish": _HARD_SILU,
    "sparse_sigmoid": Elementwise(
        lambda x: np.clip(0.5 * (x + 1), 0, 1), lambda x: _clip_slope(-1, 1)(x) / 2
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
    "sigmoid": Elementwise(_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
    "log_sigmoid": Elementwise(lambda x: -_softplus(-x), lambda x: _sigmoid(-x)),
    "softplus": Elementwise(_softplus, _sigmoid),
    "tanh": Elementwise(np.tanh, _tanh_slope),
    "tanh_shrink": Elementwise(lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2),
    "exponential": Elementwise(np.exp, np.exp, _of_power),
    "elu": _ELU,
    "celu": _ELU,  # equal for alpha = 1, the default
    "selu": Elementwise(
        lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * _elu(x)),
        lambda x: _SELU_SCALE * np.where(x > 0, 1.0, _SELU_ALPHA * _elu_slope(x)),
    ),
    "silu": _SILU,
    "swish": _SILU,
    "mish": Elementwise(lambda x: x * np.tanh(_softplus(x)), _mish_slope),
    "gelu": Elementwise(
        lambda x: x * _normal_cdf(x),
        lambda x: _normal_cdf(x) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
    ),
    "softmax": Softmax(),
    "log_softmax": LogSoftmax(),
    "sparsemax": Sparsemax(),
}
