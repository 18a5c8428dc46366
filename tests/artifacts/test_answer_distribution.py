"""Distributions of answers and the population stability index."""

from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.answer_distribution import (
    MIN_PER_BIN,
    Histogram,
    count_between,
    deciles,
    population_stability_index,
)
from pipeline.serving.settings import DRIFT_WINDOW


def test_index_is_the_sum_over_bins() -> None:
    reference, counts = Histogram((500, 300, 200)), np.array([200, 300, 500])
    p, q = np.array([500.5, 300.5, 200.5]) / 1001.5, np.array([200.5, 300.5, 500.5]) / 1001.5
    expected = float(np.sum((q - p) * np.log(q / p)))
    assert population_stability_index(reference, counts) == pytest.approx(expected)
    assert expected == pytest.approx(2 * 0.3 * np.log(2.5), rel=0.01)  # without smoothing


def test_equal_shares_have_no_drift_whatever_the_number_of_answers() -> None:
    index = population_stability_index(Histogram((500, 0, 500)), np.array([100, 0, 100]))
    assert index == pytest.approx(0, abs=0.01)


def test_empty_bins_give_a_finite_index() -> None:
    index = population_stability_index(Histogram((100, 0)), np.array([0, 100]))
    assert index == pytest.approx(2 * (100 / 101) * np.log(201))


def test_index_needs_enough_answers_on_both_sides() -> None:
    enough, few = MIN_PER_BIN * 2, MIN_PER_BIN * 2 - 1
    assert population_stability_index(Histogram((enough, 0)), np.array([few, 0])) is None
    assert population_stability_index(Histogram((few, 0)), np.array([enough, 0])) is None
    assert population_stability_index(Histogram((enough, 0)), np.array([enough, 0])) == 0


@pytest.mark.parametrize("tested", [333, 10_000])
@pytest.mark.parametrize("skew", [0, 2])
def test_chance_alone_never_reaches_the_limit_of_a_shift(tested: int, skew: float) -> None:
    """Windows of the default size, drawn from the distribution that the test set is drawn from.

    On average the index is (bins - 1) (1/n + 1/m), as documented.
    """
    random, bins = np.random.default_rng(0), 10
    shares = np.exp(-skew * np.arange(bins) / bins)
    shares /= shares.sum()
    found = [
        population_stability_index(
            Histogram(tuple(random.multinomial(tested, shares).tolist())),
            random.multinomial(DRIFT_WINDOW, shares),
        )
        for _ in range(2000)
    ]
    indices = np.array(found, float)
    assert indices.max() < 0.25
    assert (indices > 0.1).mean() < 0.002
    expected = (bins - 1) * (1 / DRIFT_WINDOW + 1 / tested)
    assert indices.mean() == pytest.approx(expected, rel=0.1)


def test_values_at_an_edge_are_below_it_as_in_prometheus() -> None:
    assert count_between(np.array([1.0, 1.5, 2.0, 2.5]), (1.0, 2.0)) == Histogram(
        (1, 2, 1), (1.0, 2.0)
    )


def test_deciles_divide_different_values_equally_and_merge_equal_ones() -> None:
    values = np.arange(1000)
    assert count_between(values, deciles(values)).counts == (100,) * 10
    equal = np.array([0.0] * 95 + [1.0] * 5)
    assert deciles(equal) == (0.0,)
    assert count_between(equal, deciles(equal)).counts == (95, 5)


@pytest.mark.parametrize(
    ("counts", "edges", "words"),
    [
        ((), (), "counts must be numbers from 0"),
        ((1, -1), (), "counts must be numbers from 0"),
        ((10**30, 1), (), "counts must be numbers from 0"),
        ((1, 2), (0.1, 0.2), "got 2 counts for 2 edges"),
        ((1, 2, 3), (0.2, 0.1), "edges must be finite and increase"),
        ((1, 2), (float("nan"),), "edges must be finite and increase"),
    ],
)
def test_bins_that_make_no_sense_are_rejected(counts: Any, edges: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Histogram(counts, edges)
