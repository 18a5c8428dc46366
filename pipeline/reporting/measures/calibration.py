"""How far the probabilities can be trusted, and what temperature scaling would change.

Temperature scaling divides the logits by one number T, chosen on the validation set (Guo et al.
2017, section 4.2). softmax(log(p) / T) is the same for probabilities p, since logits and log(p)
differ by a constant for each image.
"""

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.report import Bin, Calibration, Coverage
from pipeline.reporting.measures.answers import both_columns, confidence
from pipeline.reporting.run import ReportedRun
from pipeline.runtimes.predictor import Predictor
from pipeline.tasks.calibration import expected_calibration_error

Array = npt.NDArray[np.float64]

_NUM_BINS = 15  # as expected_calibration_error has
_TEMPERATURES = (0.05, 20.0)
_SMALLEST = 2.0**-25  # half the spacing of float32 below 1: 1 - p of a rounded p
_COVERAGES = (1.0, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


def calibration(run: ReportedRun, predictor: Predictor) -> Calibration:
    """Return the reliability of the test predictions, before and after temperature scaling."""
    from sklearn.metrics import log_loss

    validation = run.data_set.validation
    temperature = fit_temperature(
        predictor.predict_all(validation.images), np.asarray(validation.labels)
    )
    labels = np.asarray(run.data_set.test.labels)
    before = _normalized(both_columns(run.predictions))
    after = _scaled(run.predictions, temperature)
    classes = np.arange(before.shape[1])
    return Calibration(
        bins=reliability_bins(before, labels),
        scaled_bins=reliability_bins(after, labels),
        error=expected_calibration_error(both_columns(run.predictions), labels),
        scaled_error=expected_calibration_error(after, labels),
        loss=float(log_loss(labels, before, labels=classes)),
        scaled_loss=float(log_loss(labels, after, labels=classes)),
        temperature=temperature,
    )


def coverage(run: ReportedRun) -> tuple[Coverage, ...]:
    """Return the accuracy on the most confident images, for several shares of them."""
    sure = confidence(run.predictions)
    order = np.argsort(-sure, kind="stable")
    answers = run.task.labels_of(run.predictions)
    assert answers is not None, "a task with classes has labels"
    correct = np.cumsum(np.equal(answers, run.data_set.test.labels)[order])
    counts = [max(1, round(share * len(order))) for share in _COVERAGES]
    return tuple(
        Coverage(n / len(order), n, float(sure[order[n - 1]]), float(correct[n - 1] / n))
        for n in counts
    )


def fit_temperature(predictions: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """Return the temperature with the smallest loss for these predictions."""
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = _scaled(predictions, np.exp(log_temperature))[rows, labels]
        return float(-np.mean(np.log(np.maximum(scaled, np.finfo(np.float64).tiny))))

    found = minimize_scalar(loss, bounds=tuple(np.log(_TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))


def _scaled(predictions: npt.NDArray[np.float32], temperature: float) -> Array:
    """Return the probabilities (n, num_classes) after division of the logits."""
    smallest = _SMALLEST if predictions.shape[1] == 1 else np.finfo(np.float32).tiny
    logits = np.log(np.maximum(both_columns(predictions), smallest)) / temperature
    return _normalized(np.exp(logits - logits.max(axis=1, keepdims=True)))


def _normalized(probabilities: Array) -> Array:
    """Return rows whose sum is 1; those of float32 are only nearly so."""
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))


def reliability_bins(probabilities: Array, labels: npt.NDArray[np.int64]) -> tuple[Bin, ...]:
    """Return the bins of confidence that contain images."""
    from sklearn.calibration import calibration_curve

    sure = np.clip(probabilities.max(axis=1), 0, 1)
    hits = probabilities.argmax(axis=1) == labels
    accuracy, mean = calibration_curve(hits, sure, n_bins=_NUM_BINS, pos_label=True)
    edges = np.linspace(0, 1, _NUM_BINS + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], sure), minlength=_NUM_BINS)
    found = zip(counts[counts > 0], mean, accuracy, strict=True)
    return tuple(Bin(int(n), float(c), float(a)) for n, c, a in found)
