"""Which test images are answered without a warning, by the rules of ``predict`` and ``serve``."""

import numpy as np

from pipeline.artifacts.report import Answered
from pipeline.publishing.doubts import Doubts, Familiarity
from pipeline.reporting.run import ReportedRun


def answered(run: ReportedRun) -> Answered:
    """Return how many of the test images are answered, and how many of the answers are right."""
    test, predictions = run.data_set.test, run.predictions
    labels = run.task.labels_of(predictions)
    assert labels is not None, "a task with classes has labels"
    shown = [run.task.describe(row, run.data_set.class_names) for row in predictions]
    reasons = _doubts(run).reasons(np.asarray(test.images), predictions, shown)
    sure = np.array([reason is None for reason in reasons])
    right = np.equal(labels, test.labels)
    return Answered(len(sure), int(sure.sum()), int(right[sure].sum()))


def _doubts(run: ReportedRun) -> Doubts:
    if run.fitted is None:
        return Doubts()
    uncertainty, subspace = run.fitted.uncertainty, run.fitted.subspace
    layer = run.predictor.first_layer()
    return Doubts(uncertainty, Familiarity(layer, subspace, uncertainty.max_distance))
