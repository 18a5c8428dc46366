"""McNemar's test and the paired bootstrap against published values and SciPy."""

import numpy as np
import pytest
from scipy import stats

from pipeline.comparison.two_files import RESAMPLES, bootstrap_rmse, mcnemar


def results(both: int, lost: int, gained: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Which images two classifiers get right, from the four counts of their table."""
    counts = (both, lost, gained, neither)
    return np.repeat([True, True, False, False], counts), np.repeat(
        [True, False, True, False], counts
    )


@pytest.mark.parametrize(
    ("table", "p_value"),
    [
        ((1, 7, 1, 12), 0.0703125),  # 2 (1 + 8) / 2^8; Fagerland, Lydersen and Laake 2013
        ((5, 0, 6, 0), 0.03125),  # 2 / 2^6
        ((9, 3, 3, 9), 1.0),
        ((9, 0, 0, 1), 1.0),  # the same predictions
    ],
)
def test_mcnemar_is_exact(table: tuple[int, int, int, int], p_value: float) -> None:
    found = mcnemar(*results(*table))
    assert found.p_value == pytest.approx(p_value)
    _, lost, gained, _ = table
    assert found.difference == (gained - lost) / sum(table)
    assert found.interval.low <= found.difference <= found.interval.high


def test_p_value_is_never_zero() -> None:
    assert 0 < mcnemar(*results(0, 0, 5_000, 0)).p_value < 1e-300


def errors(*, noise: float, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """The errors of two regressions on the same images; the second one adds noise."""
    random = np.random.default_rng(2)
    first = random.normal(size=n)
    return first, first + random.normal(scale=noise, size=n)


def test_bootstrap_agrees_with_scipy() -> None:
    before, after = errors(noise=0.5)
    found = bootstrap_rmse(before, after)

    def difference(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        rmse = [np.sqrt(np.mean(one**2, axis=axis)) for one in (a, b)]
        return np.asarray(rmse[1] - rmse[0])

    expected = stats.bootstrap(
        (before, after),
        difference,
        paired=True,
        method="percentile",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(1),
    )
    interval = expected.confidence_interval
    assert found.difference == pytest.approx(difference(before, after, 0))
    assert (found.interval.low, found.interval.high) == pytest.approx(interval, abs=0.005)
    assert found.p_value == pytest.approx(2 / (RESAMPLES + 1))
    assert found == bootstrap_rmse(before, after), "the resamples are the same each time"


def test_bootstrap_finds_no_difference_where_there_is_none() -> None:
    first, _ = errors(noise=0)
    assert bootstrap_rmse(first, first).p_value == 1
    before, after = errors(noise=0.01)
    assert bootstrap_rmse(before, after).p_value > 0.05


def test_bootstrap_rarely_rejects_equal_regressions() -> None:
    random = np.random.default_rng(3)
    found = [bootstrap_rmse(*random.normal(size=(2, 60))).p_value for _ in range(60)]
    assert sum(p <= 0.05 for p in found) <= 8  # 3 expected; more than 8 in 0.3 % of cases
