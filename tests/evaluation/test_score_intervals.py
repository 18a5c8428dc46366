"""Intervals of scores: those of a bootstrap that evaluates the resamples of the images."""

import numpy as np
import pytest

from pipeline.evaluation.intervals import accuracy_interval
from pipeline.evaluation.score_intervals import RESAMPLES, score_intervals
from pipeline.tasks.registry import task_named

N = 60


def _percentiles(
    task_name: str, predictions: np.ndarray, labels: np.ndarray, names: tuple[str, ...]
) -> dict[str, tuple[float, float]]:
    """Draw images with replacement, and evaluate the task on each resample."""
    task, random = task_named(task_name), np.random.default_rng(0)
    scores = []
    for _ in range(RESAMPLES):
        drawn = np.sort(random.integers(len(labels), size=len(labels)))
        scores.append(task.evaluate(predictions[drawn], labels[drawn], names).scores)
    return {
        name: (float(low), float(high))
        for name in scores[0]
        for low, high in [np.quantile([one[name] for one in scores], [0.025, 0.975])]
    }


@pytest.mark.slow
def test_intervals_of_a_binary_model() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(2, size=N)
    noisy = labels + random.normal(scale=0.8, size=N)
    predictions = np.round(1 / (1 + np.exp(0.5 - noisy)), 1).astype(np.float32)[:, None]  # ties
    metrics = task_named("binary").evaluate(predictions, labels, ("no", "yes"))
    found = score_intervals(metrics, predictions, labels)
    expected = _percentiles("binary", predictions, labels, ("no", "yes"))
    for name in ("balanced_accuracy", "roc_auc", "average_precision"):
        assert found[name].method == "bootstrap percentiles"
        assert (found[name].low, found[name].high) == pytest.approx(expected[name], abs=1e-9)
    predicted = predictions[:, 0] > 0.5
    correct = int((predicted & (labels == 1)).sum())
    assert found["precision"] == accuracy_interval(correct, int(predicted.sum()))
    assert found["recall"] == accuracy_interval(correct, int(labels.sum()))
    assert found["accuracy"] == accuracy_interval(int((predicted == labels).sum()), N)
    assert "expected_calibration_error" not in found


@pytest.mark.slow
def test_intervals_of_a_regression_model() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(10, size=N).astype(np.float32)
    predictions = (labels + random.normal(size=N)).astype(np.float32)[:, None]
    metrics = task_named("regression").evaluate(predictions, labels, ())
    found = score_intervals(metrics, predictions, labels)
    expected = _percentiles("regression", predictions, labels, ())
    assert set(found) == {"rmse", "mae", "r2"}
    for name, interval in found.items():
        assert (interval.low, interval.high) == pytest.approx(expected[name], rel=1e-6)
        assert interval.low < metrics.scores[name] < interval.high


def test_interval_of_a_multiclass_model() -> None:
    labels = np.array([0, 1, 2, 2])
    predictions = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    metrics = task_named("multiclass").evaluate(predictions, labels, ("a", "b", "c"))
    found = score_intervals(metrics, predictions, labels)
    assert found == {"accuracy": accuracy_interval(3, 4)}


def test_share_of_no_images_has_no_interval() -> None:
    labels = np.array([0, 1, 1])
    predictions = np.full((3, 1), 0.2, np.float32)
    metrics = task_named("binary").evaluate(predictions, labels, ("no", "yes"))
    found = score_intervals(metrics, predictions, labels)
    assert "precision" not in found
    assert found["recall"] == accuracy_interval(0, 2)
