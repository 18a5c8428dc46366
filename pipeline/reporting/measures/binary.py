"""The curves of a binary classifier over its thresholds."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.report import Binary, Curve, Threshold
from pipeline.reporting.run import ReportedRun

_MAX_POINTS = 200
_THRESHOLDS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


def binary_measures(run: ReportedRun) -> Binary:
    """Return both curves, and the metrics at some thresholds."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    labels, positive = np.asarray(run.data_set.test.labels), run.predictions[:, 0]
    false, true, _ = roc_curve(labels, positive)
    precision, recall, _ = precision_recall_curve(labels, positive, drop_intermediate=True)
    return Binary(
        roc=thinned(false, true),
        precision_recall=thinned(recall, precision),
        thresholds=tuple(_at(threshold, labels, positive) for threshold in _THRESHOLDS),
    )


def _at(threshold: float, labels: npt.NDArray[Any], positive: npt.NDArray[Any]) -> Threshold:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    answers = (positive > threshold).astype(np.int64)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, answers, average="binary", zero_division=0
    )
    accuracy = accuracy_score(labels, answers)
    return Threshold(threshold, float(accuracy), float(precision), float(recall), float(f1))


def thinned(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Curve:
    """Return at most ``_MAX_POINTS`` points, evenly spaced along the curve, with both ends."""
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    wanted = np.linspace(0, along[-1], _MAX_POINTS)
    kept = np.unique(np.searchsorted(along, wanted).clip(0, len(x) - 1))
    return Curve(tuple(map(float, x[kept])), tuple(map(float, y[kept])))
