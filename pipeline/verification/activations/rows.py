"""Activations of all units of a layer together: softmax and its relatives."""

import numpy as np
import numpy.typing as npt

from pipeline.textbook.activations import Array
from pipeline.textbook.losses import softmax
from pipeline.verification.activations.activation import Activation

_LARGE = 300.0  # an error in an exponent that leaves nothing certain; exp of twice it is finite


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
