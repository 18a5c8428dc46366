"""Multiclass classification: f(x) = SoftMax(z), one probability for each class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.model_contract import TensorSpec
from pipeline.engine.fingerprints import presentation
from pipeline.tasks.by_class import metrics_by_class
from pipeline.tasks.calibration import expected_calibration_error
from pipeline.tasks.task import (
    UNIT_ROUNDOFF,
    DisplayedPrediction,
    Exact,
    Labels,
    Predictions,
    SummedMetric,
    Task,
)

if TYPE_CHECKING:
    import keras

_OUTPUT = "probabilities"
_POWER = 8  # roundings: runtimes approximate exp within 4 units in the last place


def _cross_entropy(predictions: Predictions, labels: Labels) -> float:
    """Return the mean of -log p_y; a probability counts as at least 2.2e-16."""
    exact = predictions.astype(np.float64)
    # float32 sums to 1 only within 1e-7.
    of_labels = exact[np.arange(len(labels)), labels] / exact.sum(axis=1)
    smallest = np.finfo(np.float64).eps
    return float(-np.log(of_labels.clip(smallest, 1 - smallest)).mean())


def _num_correct(labels: Any, logits: Any, counts: Any) -> Any:
    import tensorflow as tf

    hits = tf.equal(tf.argmax(logits, axis=1), labels) & counts
    return tf.reduce_sum(tf.cast(hits, tf.int64))


class Multiclass(Task):
    """One of several classes; the label is the class of the largest probability."""

    name = "multiclass"
    outputs = ("softmax",)
    not_here: ClassVar = {
        **dict.fromkeys(("sigmoid", "tanh"), "It is an output of the task binary."),
        **dict.fromkeys(("linear", "relu"), "It is an output of the task regression."),
        **dict.fromkeys(
            ("squared", "absolute"),
            "The softmax returns probabilities, so the loss is the cross-entropy; squared and "
            "absolute differences are losses of the task regression.",
        ),
    }
    training_metrics = (SummedMetric("accuracy", "int64", _num_correct),)

    def output(self, num_classes: int) -> TensorSpec:
        """Return the specification of float32 probabilities [batch, num_classes]."""
        return TensorSpec(_OUTPUT, "float32", (None, num_classes))

    def output_layers(self) -> "list[keras.layers.Layer]":
        """Return the softmax."""
        import keras

        return [keras.layers.Softmax(name=_OUTPUT)]

    def loss(self, precision: str = "float32") -> "keras.losses.Loss":
        """Return the cross-entropy -log f_y(x), computed from logits."""
        import keras

        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="sum", dtype=precision
        )

    def evaluate(
        self, predictions: Predictions, labels: Labels, class_names: tuple[str, ...]
    ) -> Metrics:
        """Return the metrics of probabilities (n, num_classes) for labels (n,)."""
        rows, confusion = metrics_by_class(labels, predictions.argmax(axis=1), class_names)
        return Metrics(
            images=len(labels),
            loss=_cross_entropy(predictions, labels),
            scores={
                "accuracy": self.score(predictions, labels),
                "expected_calibration_error": expected_calibration_error(predictions, labels),
            },
            classes=rows,
            confusion=confusion,
        )

    def baseline(self, labels: Labels, units: int) -> Predictions:
        """Return the share of each class; the largest is that of the majority class."""
        return np.asarray(np.bincount(labels, minlength=units) / len(labels), np.float32)

    def score(self, predictions: Predictions, labels: Labels) -> float:
        """Return the top-1 accuracy, 0 to 1."""
        return float(np.mean(predictions.argmax(axis=1) == labels))

    def agreement(self, got: Predictions, expected: Predictions | Exact) -> float:
        """Return the share of images with the same label, 0 to 1."""
        return self.score(got, expected.argmax(axis=1))

    def disagreements(
        self, got: Predictions, expected: Predictions | Exact, tolerance: float | Exact
    ) -> int:
        """Count labels that differ, unless ``expected`` rates both equal within the tolerance.

        With a tolerance for each prediction, two are equal within the sum of theirs.
        """
        rows = np.arange(len(expected))
        ours, theirs = expected.argmax(axis=1), got.argmax(axis=1)
        margin = expected[rows, ours].astype(np.float64) - expected[rows, theirs]
        if isinstance(tolerance, np.ndarray):
            return int(np.sum(margin > tolerance[rows, ours] + tolerance[rows, theirs]))
        return int(np.sum(margin > tolerance))

    def exact_output(self, logits: Exact, errors: Exact) -> tuple[Exact, Exact]:
        """Return the softmax, and the largest change of each probability within the errors.

        p_i is largest where z_i is as large as possible and all others as small as possible. A
        relative error r of exp(z_j) has the same effect as an error r of z_j: 2 |z_j - max z| U
        from the subtraction and from the power, ``_POWER`` U from the function, one U for each term
        of the sum. Last, p_i itself is rounded, by a division or as exp(z_i - log sum exp(z_j)).
        """
        distance = logits.max(axis=1, keepdims=True) - logits
        errors = errors + UNIT_ROUNDOFF * (2 * distance + _POWER + logits.shape[1])
        probabilities = _fraction(logits, logits)
        above = _fraction(logits + errors, logits - errors) - probabilities
        below = probabilities - _fraction(logits - errors, logits + errors)
        rounding = UNIT_ROUNDOFF * (1 + _POWER * probabilities)
        return probabilities, np.maximum(above, below) + rounding

    @presentation
    def labels_of(self, predictions: Predictions) -> Labels:
        """Return the classes of the largest probability (n,)."""
        labels: Labels = predictions.argmax(axis=1)
        return labels

    @presentation
    def describe(self, prediction: Predictions, class_names: Sequence[str]) -> DisplayedPrediction:
        """Return the label and its probability; classes without names are numbered."""
        names = class_names or tuple(map(str, range(len(prediction))))
        best = int(prediction.argmax())
        return DisplayedPrediction(
            names[best], prediction[best], dict(zip(names, prediction, strict=True))
        )


def _fraction(own: Exact, others: Exact) -> Exact:
    """Return exp(own_i) / (exp(own_i) + sum of exp(others_j) over j != i), (n, num_classes)."""
    largest = np.maximum(own, others).max(axis=1, keepdims=True)
    numerator, powers = np.exp(own - largest), np.exp(others - largest)
    rest = np.maximum(powers.sum(axis=1, keepdims=True) - powers, 0)
    return np.asarray(numerator / np.maximum(numerator + rest, np.finfo(np.float64).tiny))


TASK = Multiclass
