"""Metrics of each class, for all tasks that predict one."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.metrics import ClassMetrics

Labels = npt.NDArray[Any]


def metrics_by_class(
    labels: Labels, predicted: Labels, class_names: tuple[str, ...]
) -> tuple[tuple[ClassMetrics, ...], tuple[tuple[int, ...], ...]]:
    """Return a row for each class, and the confusion matrix; labels and predictions are (n,)."""
    count = len(class_names)
    pairs = np.bincount(count * labels.astype(np.intp) + predicted, minlength=count**2)
    confusion = pairs.reshape(count, count)
    rows = tuple(
        ClassMetrics(name, _ratio(right, given), _ratio(right, images), f1, int(images))
        for name, right, given, images in zip(
            class_names, confusion.diagonal(), confusion.sum(0), confusion.sum(1), strict=True
        )
        for f1 in [_ratio(2 * right, given + images)]
    )
    return rows, tuple(tuple(map(int, row)) for row in confusion)


def _ratio(part: int, whole: int) -> float:
    """Return part / whole; 0 for a class that has no images or is never predicted."""
    return float(part / whole) if whole else 0.0
