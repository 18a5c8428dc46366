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
    from sklearn import metrics

    classes = np.arange(len(class_names))
    columns = metrics.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    rows = tuple(
        ClassMetrics(name, float(precision), float(recall), float(f1), int(images))
        for name, precision, recall, f1, images in zip(class_names, *columns, strict=True)
    )
    confusion = metrics.confusion_matrix(labels, predicted, labels=classes)
    return rows, tuple(tuple(map(int, row)) for row in confusion)
