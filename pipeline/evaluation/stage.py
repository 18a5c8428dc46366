"""A Predictor and arrays -> metrics."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn import metrics

from pipeline.artifacts.data_set import (
    SPLITS,
    TEST_PROBABILITIES_FILE,
    TRAINED_MODEL_FILE,
    DataSet,
    read_data,
)
from pipeline.engine.context import Context, Facts
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.runtimes.predictor import Predictor, Probabilities

_NUM_BINS = 15  # of the calibration error, as in Guo et al. (2017), section 4


@dataclass(frozen=True)
class ClassMetrics:
    """How well one class is found; ``images`` is how many there are of it."""

    name: str
    precision: float
    recall: float
    f1: float
    images: int


@dataclass(frozen=True)
class Metrics:
    """All metrics of one split; rows of the confusion matrix are true classes."""

    images: int
    loss: float
    accuracy: float
    expected_calibration_error: float
    classes: tuple[ClassMetrics, ...]
    confusion: list[list[int]]


def run(context: Context, folder: Path) -> Facts:
    """Write metrics of every split, and the probabilities of the test set, into ``folder``."""
    with context.progress.task("evaluating"):
        predictor = KerasPredictor(context.outputs["train"].path / TRAINED_MODEL_FILE)
        found = evaluate(predictor, read_data(context.outputs["data"].path), folder)
    return {
        "metrics": {name: asdict(value) for name, value in found.items()},
        "summary": f"test accuracy {found['test'].accuracy:.4f}",
    }


def evaluate(predictor: Predictor, data: DataSet, folder: Path) -> dict[str, Metrics]:
    """Return the metrics of every split, and write the probabilities of the test set."""
    found: dict[str, Metrics] = {}
    for name in SPLITS:
        split = getattr(data, name)
        probabilities = predictor.predict_all(split.images)
        found[name] = measure(probabilities, split.labels, data.class_names)
        if name == "test":
            np.save(folder / TEST_PROBABILITIES_FILE, probabilities)
    return found


def measure(
    probabilities: Probabilities, labels: npt.NDArray[np.int64], class_names: tuple[str, ...]
) -> Metrics:
    """Return the metrics of probabilities (n, num_classes) against labels (n,)."""
    classes = np.arange(len(class_names))
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)  # float32 sums to 1 within 1e-7 only
    return Metrics(
        images=len(labels),
        loss=float(metrics.log_loss(labels, exact, labels=classes)),
        accuracy=float(metrics.accuracy_score(labels, predicted)),
        expected_calibration_error=expected_calibration_error(probabilities, labels),
        classes=tuple(
            ClassMetrics(name, float(p), float(r), float(f), int(n))
            for name, p, r, f, n in zip(class_names, precision, recall, f1, support, strict=True)
        ),
        confusion=metrics.confusion_matrix(labels, predicted, labels=classes).tolist(),
    )


def expected_calibration_error(
    probabilities: Probabilities, labels: npt.NDArray[np.int64]
) -> float:
    """Return sum_b (|B_b| / n) |accuracy(B_b) - confidence(B_b)| over bins of confidence.

    Confidence is the largest probability; 15 bins of equal width (Guo et al. 2017, equation 3).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    hits = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * _NUM_BINS).astype(int), _NUM_BINS - 1)
    gaps = np.bincount(bins, weights=hits - confidence, minlength=_NUM_BINS)
    return float(np.abs(gaps).sum() / len(labels))
