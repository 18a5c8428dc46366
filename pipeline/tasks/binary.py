"""Binary classification: f(x) is the probability of the second class, the positive one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.model_contract import TensorSpec
from pipeline.config.key_errors import InvalidValue
from pipeline.engine.fingerprints import presentation
from pipeline.tasks.by_class import metrics_by_class
from pipeline.tasks.calibration import expected_calibration_error
from pipeline.tasks.losses import summed_loss
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

_OUTPUT = "probability"
_CLASSES = 2
_ROUNDINGS = 8  # runtimes approximate the sigmoid, or a tanh, within 4 units in the last place of 1


def _num_correct(labels: Any, logits: Any, counts: Any) -> Any:
    import tensorflow as tf

    hits = tf.equal(tf.cast(logits[:, 0] > 0, tf.int64), labels) & counts
    return tf.reduce_sum(tf.cast(hits, tf.int64))


class Binary(Task):
    """One of two classes, with one output unit z; the label is 1 where f(x) > 1/2.

    With the output ``sigmoid``, f(x) = sigmoid(z). With ``tanh`` and the labels -1 and +1, f(x) =
    (1 + tanh z) / 2 = sigmoid(2z), which is computed in this form: 1 + tanh z loses the digits of
    small probabilities.
    """

    name = "binary"
    outputs = ("sigmoid", "tanh")
    not_here: ClassVar = {
        "softmax": "It has one output for each class, as in the task multiclass; this task has "
        "one output.",
        **dict.fromkeys(("linear", "relu"), "It is an output of the task regression."),
        **dict.fromkeys(
            ("squared", "absolute"),
            "The output is a probability, so the loss is the cross-entropy; squared and absolute "
            "differences are losses of the task regression.",
        ),
    }
    training_metrics = (SummedMetric("accuracy", "int64", _num_correct),)

    def output(self, num_classes: int) -> TensorSpec:
        """Return the specification of a float32 probability [batch, 1]."""
        del num_classes
        return TensorSpec(_OUTPUT, "float32", (None, 1))

    def output_layers(self) -> "list[keras.layers.Layer]":
        """Return the sigmoid, after a multiplication by 2 for the output ``tanh``."""
        import keras

        sigmoid = keras.layers.Activation("sigmoid", name=_OUTPUT)
        if self.output_name == "sigmoid":
            return [sigmoid]
        return [keras.layers.Rescaling(self._factor, name="twice"), sigmoid]

    @property
    def _factor(self) -> float:
        """The logit of f(x), divided by z."""
        return 2.0 if self.output_name == "tanh" else 1.0

    def loss(self, precision: str = "float32") -> "keras.losses.Loss":
        """Return the logistic loss log(1 + exp(z)) - y z of the logit; for tanh, that is 2z."""
        import keras

        def logistic(labels: Any, logits: Any) -> Any:
            logit = logits[:, 0] * self._factor
            return keras.ops.binary_crossentropy(labels, logit, from_logits=True)

        return summed_loss(logistic, precision)

    def check_classes(self, class_names: tuple[str, ...], target: str) -> None:
        """Check that there are two classes.

        Raises:
            InvalidValue: there are more, or the labels are numbers.
        """
        super().check_classes(class_names, target)
        if len(class_names) != _CLASSES:
            raise InvalidValue(
                "data.target",
                f"The task binary needs two classes; the target {target} has {len(class_names)}",
                "Write parity, {is: CLASS} or {pair: [CLASS, CLASS]}, or task: multiclass.",
            )

    def evaluate(
        self, predictions: Predictions, labels: Labels, class_names: tuple[str, ...]
    ) -> Metrics:
        """Return the metrics of probabilities (n, 1) for labels 0 and 1 (n,)."""
        from sklearn import metrics

        positive = predictions[:, 0].astype(np.float64)
        predicted = _labels_of(predictions)
        classes, confusion = metrics_by_class(labels, predicted, class_names)
        second = classes[1]
        both = np.stack([1 - positive, positive], axis=1)
        return Metrics(
            images=len(labels),
            loss=float(metrics.log_loss(labels, both, labels=[0, 1])),
            scores={
                "accuracy": float(metrics.accuracy_score(labels, predicted)),
                "balanced_accuracy": float(np.mean([row.recall for row in classes])),
                "precision": second.precision,
                "recall": second.recall,
                "roc_auc": float(metrics.roc_auc_score(labels, positive)),
                "average_precision": float(metrics.average_precision_score(labels, positive)),
                "expected_calibration_error": expected_calibration_error(both, labels),
            },
            classes=classes,
            confusion=confusion,
        )

    def baseline(self, labels: Labels, units: int) -> Predictions:
        """Return the share of the positive class (1,)."""
        del units
        return np.array([np.mean(labels)], np.float32)

    def score(self, predictions: Predictions, labels: Labels) -> float:
        """Return the accuracy, 0 to 1."""
        return float(np.mean(_labels_of(predictions) == labels))

    def agreement(self, got: Predictions, expected: Predictions | Exact) -> float:
        """Return the share of images with the same label, 0 to 1."""
        return float(np.mean(_labels_of(got) == _labels_of(expected)))

    def disagreements(
        self, got: Predictions, expected: Predictions | Exact, tolerance: float | Exact
    ) -> int:
        """Count labels that differ, unless ``expected`` is within the tolerance of 1/2."""
        differ = _labels_of(got) != _labels_of(expected)
        certain = np.abs(expected[:, 0].astype(np.float64) - 0.5) > np.reshape(tolerance, -1)
        return int(np.sum(differ & certain))

    def exact_output(self, logits: Exact, errors: Exact) -> tuple[Exact, Exact]:
        """Return the sigmoid, and its largest change within the errors; both (n, 1).

        The sigmoid itself is rounded by a few units in the last place of 1: some runtimes compute
        it as (1 + tanh(z/2)) / 2. The product of z and 2 is exact.
        """
        logits, errors = self._factor * logits, self._factor * errors
        probability = _sigmoid(logits)
        above = _sigmoid(logits + errors) - probability
        below = probability - _sigmoid(logits - errors)
        return probability, np.maximum(above, below) + UNIT_ROUNDOFF * _ROUNDINGS

    @presentation
    def labels_of(self, predictions: Predictions) -> Labels:
        """Return 1 for images of the positive class, else 0 (n,)."""
        return _labels_of(predictions)

    @presentation
    def describe(self, prediction: Predictions, class_names: Sequence[str]) -> DisplayedPrediction:
        """Return the label with its probability; classes without names are 0 and 1."""
        positive = prediction[0]
        probabilities = (np.float32(1) - positive, positive)
        names = class_names or ("0", "1")
        best = int(positive > 0.5)  # noqa: PLR2004  (the label of Binary)
        return DisplayedPrediction(
            names[best], probabilities[best], dict(zip(names, probabilities, strict=True))
        )


def _labels_of(predictions: Predictions | Exact) -> Labels:
    return (predictions[:, 0] > 0.5).astype(np.int64)  # noqa: PLR2004  (see Binary)


def _sigmoid(z: Exact) -> Exact:
    """Return 1 / (1 + exp(-z)), without overflow."""
    power = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1, power) / (1 + power))


TASK = Binary
