"""A test of two configurations, from the scores of several seeds of each on the same test set.

A permutation test of Welch's statistic. If both configurations are the same, every assignment of
the scores to the two sides is equally likely, so the share of assignments with a difference at
least as large is an exact p-value: it assumes no distribution, which a handful of scores could not
confirm. With Welch's statistic in place of the difference itself, it remains valid for many seeds
if one side varies more than the other (Janssen 1997; Chung and Romano 2013). Seeds are the
variation to account for: they change a score as much as a better method does (Bouthillier et al.
2021), and a test of two files does not see them (Dietterich 1998).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from statistics import fmean

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.metrics import Interval
from pipeline.evaluation.intervals import mean_difference_interval

MIN_SEEDS = 2  # on each side, for a spread
MAX_ASSIGNMENTS = 20_000  # 8 seeds a side have 12,870; with more, as many are drawn at random
_SMALLEST_SPREAD = 1e-12  # variance of scores scaled to 1; below it, there is only rounding
_ROUNDING_ERROR = 1e-12  # relative; scores that differ by less are equal
_TIE = 1e-9  # relative; statistics that differ by less are equal

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SeedsTest:
    """A test of one metric; ``difference`` is the mean of the other side less that of the first.

    ``p_lower`` and ``p_higher`` are the one-sided p-values that the other side's mean is lower, or
    higher; ``smallest_p`` is the smallest that is possible with so many seeds.
    """

    metric: str
    seeds: tuple[int, int]
    difference: float
    interval: Interval
    p_value: float
    p_lower: float
    p_higher: float
    smallest_p: float
    assignments: int
    method: str = "permutation of Welch's t"


def smallest_p(num_first: int, num_other: int) -> float:
    """Return the smallest one-sided p-value with so many seeds: 5 and 5 have 252 assignments."""
    return 1 / min(comb(num_first + num_other, num_first), MAX_ASSIGNMENTS)


def compare_seeds(metric: str, first: Sequence[float], other: Sequence[float]) -> SeedsTest:
    """Test the scores of two sides, at least two of each."""
    scores = np.array([*first, *other], np.float64)
    assignments = _assignments(len(first), len(other))
    found = _welch(_scaled(scores), assignments)
    tolerance = _TIE * max(1.0, abs(float(found[0])))
    p_lower, p_higher = (
        float(np.mean(sign * found >= sign * found[0] - tolerance)) for sign in (-1, 1)
    )
    return SeedsTest(
        metric,
        (len(first), len(other)),
        fmean(other) - fmean(first),
        mean_difference_interval(first, other),
        min(1.0, 2 * min(p_lower, p_higher)),
        p_lower,
        p_higher,
        smallest_p(len(first), len(other)),
        len(assignments),
    )


def _assignments(num_first: int, num_other: int) -> Numbers:
    """Return rows with 1 for the scores of the first side, else 0; the first row is the real one.

    All, or the real one and others drawn at random, which keeps the p-value valid (Phipson and
    Smyth 2010).
    """
    total = num_first + num_other
    if comb(total, num_first) <= MAX_ASSIGNMENTS:
        chosen = np.array(list(combinations(range(total), num_first)))
    else:
        random = np.random.default_rng(0)
        order = np.tile(np.arange(total), (MAX_ASSIGNMENTS, 1))
        random.permuted(order[1:], axis=1, out=order[1:])
        chosen = order[:, :num_first]
    rows = np.zeros((len(chosen), total))
    np.put_along_axis(rows, chosen, 1.0, axis=1)
    return rows


def _scaled(scores: Numbers) -> Numbers:
    """Return the scores less their mean, the largest one 1 or -1; zeros if all are equal."""
    if np.ptp(scores) <= _ROUNDING_ERROR * np.abs(scores).max():
        return np.zeros_like(scores)
    centered = scores - scores.mean()
    return np.asarray(centered / np.abs(centered).max())


def _welch(scores: Numbers, assignments: Numbers) -> Numbers:
    """Return Welch's statistic of other less first, for each assignment (n, scores)."""
    means, variances = [], []
    for chosen in (assignments, 1 - assignments):
        count = chosen[0].sum()
        mean = chosen @ scores / count
        deviations = (scores - mean[:, None]) * chosen
        means.append(mean)
        variances.append((deviations**2).sum(axis=1) / (count - 1) / count)
    spread = np.sqrt(np.maximum(sum(variances), _SMALLEST_SPREAD))
    return np.asarray((means[1] - means[0]) / spread)
