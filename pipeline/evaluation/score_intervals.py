"""Confidence intervals of the scores of one trained network, from its predictions for a split.

They cover the choice of the test images, and not that of the seed: see ``comparison``.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.metrics import CONFIDENCE, Interval, Metrics
from pipeline.evaluation.intervals import accuracy_interval

Counts = npt.NDArray[np.float64]
Statistic = Callable[[Counts], npt.NDArray[np.float64]]
RESAMPLES = 1000  # enough for percentiles of 95 % (Efron and Tibshirani 1993, section 14.2)
_ROWS = 50  # resamples at once: 4 MB for each array of 10,000 images


def score_intervals(
    metrics: Metrics, predictions: npt.NDArray[np.float32], labels: npt.NDArray[np.generic]
) -> dict[str, Interval]:
    """Return the interval of each score of ``metrics`` by its name.

    Shares of images have Wilson's interval, other scores that of bootstrap percentiles. The
    calibration error has none: resampling increases it, so its percentiles may not contain it.

    ``predictions`` are (n, units), ``labels`` (n,).
    """
    found = {name: accuracy_interval(*share) for name, share in _shares(metrics).items()}
    statistics = _statistics(metrics, predictions[:, 0].astype(np.float64), labels)
    chosen = {name: how for name, how in statistics.items() if name in metrics.scores}
    return {**found, **_bootstrap(chosen, len(labels))}


def _shares(metrics: Metrics) -> dict[str, tuple[int, int]]:
    """Return how many images of how many each score that is a share counts."""
    if not metrics.confusion:
        return {}
    confusion = np.array(metrics.confusion)
    shares = {"accuracy": (int(np.trace(confusion)), int(confusion.sum()))}
    if "precision" in metrics.scores:  # of the second class of two
        correct = int(confusion[1, 1])
        shares["precision"] = correct, int(confusion[:, 1].sum())
        shares["recall"] = correct, int(confusion[1].sum())
    return {name: share for name, share in shares.items() if share[1]}


def _statistics(
    metrics: Metrics, outputs: npt.NDArray[np.float64], labels: npt.NDArray[np.generic]
) -> dict[str, Statistic]:
    """Return scores as functions of how often each image is drawn, (resamples, n).

    ``outputs`` are (n,): probabilities of the second class, or numbers.
    """
    if not metrics.confusion:
        return _errors(outputs, np.asarray(labels, np.float64))
    if "roc_auc" not in metrics.scores:
        return {}
    positive = np.asarray(labels == 1, np.float64)
    order = np.argsort(-outputs, kind="stable")
    last = np.flatnonzero(np.diff(outputs[order], append=-np.inf))  # equal outputs are one group

    def groups(counts: Counts, weights: npt.NDArray[np.float64]) -> Counts:
        """Return the sums up to the end of each group, the largest outputs first."""
        return np.asarray(np.cumsum((counts * weights)[:, order], axis=1)[:, last])

    def roc_auc(counts: Counts) -> npt.NDArray[np.float64]:
        above, of_others = groups(counts, positive), groups(counts, 1 - positive)
        zero = np.zeros((len(counts), 1))
        heights = np.concatenate([zero, above], axis=1) / above[:, -1:]
        widths = np.concatenate([zero, of_others], axis=1) / of_others[:, -1:]
        return np.asarray(np.trapezoid(heights, widths, axis=1))

    def average_precision(counts: Counts) -> npt.NDArray[np.float64]:
        above, of_others = groups(counts, positive), groups(counts, 1 - positive)
        precision = above / np.maximum(above + of_others, 1)
        recall = above / above[:, -1:]
        return np.asarray((np.diff(recall, axis=1, prepend=0) * precision).sum(axis=1))

    def balanced_accuracy(counts: Counts) -> npt.NDArray[np.float64]:
        right = (outputs > 0.5) == (positive > 0)  # noqa: PLR2004  (the label of Binary)
        recalls = [counts @ (right * of) / (counts @ of) for of in (positive, 1 - positive)]
        return np.asarray(np.mean(recalls, axis=0))

    return {
        "balanced_accuracy": balanced_accuracy,
        "roc_auc": roc_auc,
        "average_precision": average_precision,
    }


def _errors(
    outputs: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]
) -> dict[str, Statistic]:
    errors, n = outputs - labels, len(labels)

    def r2(counts: Counts) -> npt.NDArray[np.float64]:
        means = counts @ labels / n
        variances = counts @ (labels - labels.mean()) ** 2 / n - (means - labels.mean()) ** 2
        return np.asarray(1 - counts @ errors**2 / n / variances)

    return {
        "rmse": lambda counts: np.sqrt(counts @ errors**2 / n),
        "mae": lambda counts: np.asarray(counts @ np.abs(errors) / n),
        "r2": r2,
    }


def _bootstrap(statistics: dict[str, Statistic], n: int, *, seed: int = 0) -> dict[str, Interval]:
    """Return the percentiles of each statistic over resamples of ``n`` images."""
    if not statistics:
        return {}
    random, tail = np.random.default_rng(seed), (1 - CONFIDENCE) / 2
    values: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in statistics}
    for _ in range(RESAMPLES // _ROWS):
        drawn = (np.bincount(random.integers(n, size=n), minlength=n) for _ in range(_ROWS))
        counts = np.stack(list(drawn)).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):  # a resample without a class
            for name, statistic in statistics.items():
                values[name].append(statistic(counts))
    found = {}
    for name, parts in values.items():
        low, high = np.nanquantile(np.concatenate(parts), [tail, 1 - tail])
        found[name] = Interval(float(low), float(high), "bootstrap percentiles")
    return found
