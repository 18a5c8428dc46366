"""Confidence intervals against published values, SciPy, and their coverage in simulations."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation.intervals import (
    accuracy_difference_interval,
    accuracy_interval,
    mean_difference_interval,
    mean_interval,
)


@pytest.mark.parametrize(
    ("correct", "images", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_accuracy_as_in_newcombe_1998(correct: int, images: int, low: float, high: float) -> None:
    found = accuracy_interval(correct, images)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_accuracy_of_1_is_in_its_interval() -> None:
    found = accuracy_interval(333, 333)
    assert (found.low, found.high) == pytest.approx((0.98859, 1), abs=1e-5)


def test_accuracy_difference_worked_by_hand() -> None:
    """7 and 1 of 21: (8 - 2) / 23, and z times the root of (10/23 - (6/23)^2) / 23."""
    found = accuracy_difference_interval(7, 1, 21)
    assert (found.low, found.high) == pytest.approx((-0.50836, -0.01338), abs=1e-5)


def test_interval_of_an_accuracy_difference_covers_it() -> None:
    random = np.random.default_rng(0)
    lost, gained, n = 0.02, 0.01, 500
    counts = random.multinomial(n, [lost, gained, 1 - lost - gained], size=1000)
    found = [accuracy_difference_interval(a, b, n) for a, b, _ in counts]
    covered = np.mean([one.low <= gained - lost <= one.high for one in found])
    assert 0.93 <= covered <= 0.98


_SCORES = st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=2, max_size=6)


@given(_SCORES)
def test_interval_of_a_mean_is_that_of_scipy(scores: list[float]) -> None:
    found = mean_interval(scores)
    assert found is not None
    error = np.std(scores, ddof=1) / np.sqrt(len(scores))
    expected = np.mean(scores) + np.array([-1, 1]) * stats.t.ppf(0.975, len(scores) - 1) * error
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)


def test_single_score_has_no_interval() -> None:
    assert mean_interval([0.9]) is None


@given(_SCORES, _SCORES)
def test_interval_of_a_difference_is_that_of_scipy(first: list[float], other: list[float]) -> None:
    assume(np.ptp(first) and np.ptp(other))  # SciPy warns if the scores are equal
    found = mean_difference_interval(first, other)
    expected = stats.ttest_ind(other, first, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_interval_of_a_difference_without_spread_is_a_point() -> None:
    found = mean_difference_interval([0.5, 0.5], [0.25, 0.25])
    assert (found.low, found.high) == (-0.25, -0.25)
    found = mean_difference_interval([0.5, 0.5], [0.25, 0.75])
    assert (found.low, found.high) == pytest.approx((-3.1766, 3.1766), abs=1e-4)  # t with 1 degree
