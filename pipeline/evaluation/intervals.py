"""Confidence intervals: of an accuracy, of a difference of two, and of means over seeds."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist, fmean, stdev

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.metrics import CONFIDENCE, Interval

_MIN_SCORES = 2  # for a spread


def accuracy_interval(
    num_correct: int, num_images: int, confidence: float = CONFIDENCE
) -> Interval:
    """Return the score interval of a share of images (Wilson 1927).

    Its coverage is close to the nominal one even near 0 and 1, where that of the interval
    p +- z sqrt(p (1 - p) / n) is not (Brown, Cai and DasGupta 2001).
    """
    z = _normal_quantile(confidence)
    share = num_correct / num_images
    center = (share + z**2 / (2 * num_images)) / (1 + z**2 / num_images)
    spread = sqrt(share * (1 - share) / num_images + (z / (2 * num_images)) ** 2)
    half = z * spread / (1 + z**2 / num_images)
    return Interval(max(0.0, center - half), min(1.0, center + half), "Wilson", confidence)


def accuracy_difference_interval(
    right_to_wrong: int, wrong_to_right: int, num_images: int, confidence: float = CONFIDENCE
) -> Interval:
    """Return the interval of the change of an accuracy on the same images (Bonett and Price 2012).

    It is Wald's interval for paired shares after one image is added to each kind of change.
    """
    z = _normal_quantile(confidence)
    n = num_images + 2
    lost, gained = (right_to_wrong + 1) / n, (wrong_to_right + 1) / n
    half = z * sqrt((lost + gained - (gained - lost) ** 2) / n)
    low, high = max(-1.0, gained - lost - half), min(1.0, gained - lost + half)
    return Interval(low, high, "Bonett-Price", confidence)


def rmse_interval(errors: npt.NDArray[np.float64], confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of an RMSE from errors (n,): the root of that of the mean square.

    The mean of the squares is close to normally distributed over the hundreds of images of a test.
    """
    squares = errors**2
    half = _normal_quantile(confidence) * float(squares.std(ddof=1)) / sqrt(len(squares))
    mean = float(squares.mean())
    return Interval(sqrt(max(0.0, mean - half)), sqrt(mean + half), "normal", confidence)


def mean_interval(scores: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Return Student's interval of a mean over seeds, or None for a single score."""
    if len(scores) < _MIN_SCORES:
        return None
    half = _t_quantile(confidence, len(scores) - 1) * stdev(scores) / sqrt(len(scores))
    return Interval(fmean(scores) - half, fmean(scores) + half, "Student's t", confidence)


def mean_difference_interval(
    first: Sequence[float], other: Sequence[float], confidence: float = CONFIDENCE
) -> Interval:
    """Return Welch's interval of ``mean(other) - mean(first)``; both need two scores."""
    parts = [stdev(scores) ** 2 / len(scores) for scores in (first, other)]
    difference = fmean(other) - fmean(first)
    if not any(parts):
        return Interval(difference, difference, "Welch's t", confidence)
    weights = [part**2 / (len(s) - 1) for part, s in zip(parts, (first, other), strict=True)]
    degrees = sum(parts) ** 2 / sum(weights)
    half = _t_quantile(confidence, degrees) * sqrt(sum(parts))
    return Interval(difference - half, difference + half, "Welch's t", confidence)


def _normal_quantile(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)  # without SciPy, which takes long to import


def _t_quantile(confidence: float, degrees: float) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + confidence) / 2, degrees))
