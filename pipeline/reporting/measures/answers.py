"""Mistakes, and the images behind the confusion matrix and the classes."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.report import Cell, ClassSamples, Measures, Mistake
from pipeline.evaluation.intervals import accuracy_interval
from pipeline.reporting.run import ReportedRun
from pipeline.tasks.task import Predictions

NUM_MISTAKES = 60
_PER_CELL = 6
_PER_CLASS = 10
_SPRITE_BYTES = 500_000  # of the pictures in all cells: color images do not compress


def answer_measures(run: ReportedRun, measures: Measures) -> Measures:
    """Add the mistakes, most confident first, and the images of cells and classes."""
    labels = np.asarray(run.data_set.test.labels)
    answers = run.task.labels_of(run.predictions)
    assert answers is not None, "a task with classes has labels"
    sure = confidence(run.predictions)
    order = np.argsort(-sure, kind="stable")
    wrong = order[answers[order] != labels[order]]
    mistakes = tuple(
        Mistake(int(i), int(labels[i]), int(answers[i]), float(sure[i]))
        for i in wrong[:NUM_MISTAKES]
    )
    return replace(
        measures,
        interval=accuracy_interval(len(labels) - len(wrong), len(labels)),
        num_mistakes=len(wrong),
        mistakes=mistakes,
        cells=_cells(
            labels[order].astype(np.int64), np.asarray(answers, np.int64)[order], order, run
        ),
        samples=_samples(run),
    )


def confidence(predictions: Predictions) -> npt.NDArray[np.float64]:
    """Return the probability of each answer (n,); a single column is that of the second class."""
    columns = both_columns(predictions)
    return np.asarray(columns.max(axis=1))


def both_columns(predictions: Predictions) -> npt.NDArray[np.float64]:
    """Return the probability of every class in float64 (n, num_classes)."""
    exact = predictions.astype(np.float64)
    return np.hstack([1 - exact, exact]) if exact.shape[1] == 1 else exact


def _cells(
    labels: npt.NDArray[np.int64],
    answers: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    run: ReportedRun,
) -> tuple[Cell, ...]:
    pairs = sorted(set(zip(labels.tolist(), answers.tolist(), strict=True)))
    budget = _SPRITE_BYTES // (len(pairs) * int(np.prod(run.data_set.image_shape)))
    number = max(1, min(_PER_CELL, budget))
    return tuple(
        Cell(label, answer, _first(order[(labels == label) & (answers == answer)], number))
        for label, answer in pairs
    )


def _samples(run: ReportedRun) -> tuple[ClassSamples, ...]:
    labels = np.asarray(run.data_set.train.labels)
    return tuple(
        ClassSamples(label, _first(np.flatnonzero(labels == label), _PER_CLASS))
        for label in range(len(run.data_set.class_names))
    )


def _first(indices: npt.NDArray[np.int64], number: int) -> tuple[int, ...]:
    return tuple(map(int, indices[:number]))
