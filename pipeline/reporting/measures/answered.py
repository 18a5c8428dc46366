"""Which test images are answered without a warning, by the rules of ``predict`` and ``serve``."""

import numpy as np

from pipeline.artifacts.report import Answered
from pipeline.artifacts.uncertainty import SUBSPACE_FILE
from pipeline.publishing.doubts import Doubts, Familiarity
from pipeline.reporting.run import ReportedRun
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.runtimes.subspace import read_subspace


def answered(run: ReportedRun, predictor: KerasPredictor) -> Answered:
    """Return how many of the test images are answered, and how many of the answers are right."""
    test, predictions = run.data_set.test, run.predictions
    labels = run.task.labels_of(predictions)
    assert labels is not None, "a task with classes has labels"
    shown = [run.task.describe(row, run.data_set.class_names) for row in predictions]
    reasons = _doubts(run, predictor).reasons(np.asarray(test.images), predictions, shown)
    sure = np.array([reason is None for reason in reasons])
    right = np.equal(labels, test.labels)
    return Answered(len(sure), int(sure.sum()), int(right[sure].sum()))


def _doubts(run: ReportedRun, predictor: KerasPredictor) -> Doubts:
    uncertainty = run.evaluate.facts.uncertainty
    if uncertainty is None:
        return Doubts()
    layer = predictor.first_layer()
    subspace = read_subspace(run.evaluate.path / SUBSPACE_FILE, layer)
    return Doubts(uncertainty, Familiarity(layer, subspace, uncertainty.max_distance))
