"""Tests of two trained networks on the same test images.

They tell whether these two files differ, and nothing about their configurations: two seeds of one
configuration often differ significantly (Dietterich 1998, section 2).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.metrics import CONFIDENCE, Interval
from pipeline.evaluation.intervals import accuracy_difference_interval

MEANING = (
    "This tests these two files and says nothing about their configurations: networks that differ "
    "in nothing but the seed often differ significantly, too."
)
RESAMPLES = 5000  # of the bootstrap; the smallest p-value is 2 / 5,001
_SMALLEST_P = float(np.finfo(float).tiny)  # smaller ones are rounded to 0, which no p-value is
_CHUNK = 2**22  # indices drawn at once


@dataclass(frozen=True)
class FilesTest:
    """A test of two files; ``difference`` is the second score less the first, p is two-sided."""

    method: str
    score: str
    difference: float
    interval: Interval
    p_value: float


def mcnemar(was_right: npt.NDArray[np.bool_], is_right: npt.NDArray[np.bool_]) -> FilesTest:
    """Test whether two classifiers have the same accuracy, from their results (n,) on n images.

    McNemar's test in its exact form: of the images that only one of them classifies correctly,
    each does so for half, in expectation (McNemar 1947; Dietterich 1998, section 3.1).
    """
    from scipy import stats

    lost, gained = int(np.sum(was_right & ~is_right)), int(np.sum(is_right & ~was_right))
    p_value = stats.binomtest(gained, lost + gained).pvalue if lost + gained else 1.0
    p_value = max(float(p_value), _SMALLEST_P)
    n = len(was_right)
    interval = accuracy_difference_interval(lost, gained, n)
    return FilesTest("McNemar, exact", "accuracy", (gained - lost) / n, interval, p_value)


def bootstrap_rmse(
    errors: npt.NDArray[np.float64], other_errors: npt.NDArray[np.float64], *, seed: int = 0
) -> FilesTest:
    """Test whether two regressions have the same RMSE, from their errors (n,) on n images.

    The images are drawn with replacement 5,000 times, the same for both (Efron and Tibshirani 1993,
    chapters 13 and 16): the interval is that of the percentiles, and p is twice the share of
    resamples whose difference has the other sign, each counted with the observed one.
    """
    squares = np.stack([errors**2, other_errors**2])
    differences = _resampled_differences(squares, np.random.default_rng(seed))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    share = (1 + min(np.sum(differences <= 0), np.sum(differences >= 0))) / (1 + RESAMPLES)
    return FilesTest(
        f"paired bootstrap, {RESAMPLES:,} resamples",
        "rmse",
        float(np.subtract(*np.sqrt(squares.mean(axis=1))[::-1])),
        Interval(float(low), float(high), "bootstrap percentiles"),
        min(1.0, float(2 * share)),
    )


def _resampled_differences(
    squares: npt.NDArray[np.float64], random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return the differences of the RMSE in resamples of the columns of ``squares`` (2, n)."""
    n = squares.shape[1]
    rows = max(1, _CHUNK // n)
    chunks = []
    for first in range(0, RESAMPLES, rows):
        drawn = random.integers(n, size=(min(rows, RESAMPLES - first), n))
        chunks.append(np.sqrt([row[drawn].mean(axis=1) for row in squares]))
    before, after = np.concatenate(chunks, axis=1)
    return np.asarray(after - before)
