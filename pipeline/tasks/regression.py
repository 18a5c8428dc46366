"""Regression: f(x) is a number."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.model_contract import TensorSpec
from pipeline.config.key_errors import InvalidValue
from pipeline.engine.fingerprints import presentation
from pipeline.tasks.losses import summed_loss
from pipeline.tasks.task import (
    DisplayedPrediction,
    Exact,
    Labels,
    Predictions,
    Score,
    SummedMetric,
    Task,
)

if TYPE_CHECKING:
    import keras

_OUTPUT = "value"
_ACTIVE = "active_outputs"


class Regression(Task):
    """A number, with one output unit z: f(x) = z (``linear``), or max(0, z) (``relu``).

    The loss is (f - y)^2 / 2 (``squared``) or |f - y| (``absolute``), as in the lecture.
    """

    name = "regression"
    outputs = ("linear", "relu")
    losses = ("squared", "absolute")
    not_here: ClassVar = {
        "softmax": "It returns probabilities of classes, as in the task multiclass; this task "
        "predicts a number.",
        **dict.fromkeys(("sigmoid", "tanh"), "It is an output of the task binary."),
        "cross_entropy": "It compares probabilities, and this task predicts a number.",
    }
    labels = "float32"
    quality = Score("rmse", is_error=True)

    def __init__(self, output_name: str | None = None, loss_name: str | None = None) -> None:
        """Use an output and a loss, see ``Task``."""
        super().__init__(output_name, loss_name)
        self.training_metrics = (SummedMetric("mae", "float64", self._sum_of_errors),)
        if self.output_name == "relu":
            self.training_metrics += (SummedMetric(_ACTIVE, "int64", _num_active),)

    @property
    @presentation
    def predicts_value(self) -> bool:
        """Return True."""
        return True

    def output(self, num_classes: int) -> TensorSpec:
        """Return the specification of a float32 value [batch, 1]."""
        del num_classes
        return TensorSpec(_OUTPUT, "float32", (None, 1))

    def output_layers(self) -> "list[keras.layers.Layer]":
        """Return the identity or ReLU."""
        import keras

        return [keras.layers.Activation(self.output_name, name=_OUTPUT)]

    def loss(self, precision: str = "float32") -> "keras.losses.Loss":
        """Return the loss of z (n, 1) and the labels (n,)."""
        import keras

        def squared(labels: Any, z: Any) -> Any:
            return keras.ops.square(self._value(z) - labels) / 2

        def absolute(labels: Any, z: Any) -> Any:
            return keras.ops.abs(self._value(z) - labels)

        return summed_loss(squared if self.loss_name == "squared" else absolute, precision)

    def _value(self, z: Any) -> Any:
        """Return f(x) (n,) as a tensor."""
        import keras

        return keras.ops.relu(z[:, 0]) if self.output_name == "relu" else z[:, 0]

    def _sum_of_errors(self, labels: Any, z: Any, counts: Any) -> Any:
        import tensorflow as tf

        errors = tf.cast(tf.abs(self._value(z) - labels), tf.float64)
        return tf.reduce_sum(tf.where(counts, errors, 0.0))

    def check_classes(self, class_names: tuple[str, ...], target: str) -> None:
        """Check that the labels are numbers.

        Raises:
            InvalidValue: they are classes.
        """
        if class_names:
            raise InvalidValue(
                "data.target",
                f"The task regression needs numbers; the target {target} has the classes "
                f"{', '.join(class_names[:3])}{', ...' if class_names[3:] else ''}",
                "Write data.target: value, or another task.",
            )

    def check_labels(self, labels: Labels) -> None:
        """Check that ReLU can reach the labels.

        Raises:
            InvalidValue: one is negative.
        """
        smallest = float(labels.min())
        if self.output_name == "relu" and smallest < 0:
            raise InvalidValue(
                "model.output",
                "The output relu is never negative, so it cannot learn negative targets; the "
                f"smallest is {smallest:g}",
                "Write model.output: linear.",
            )

    def explain_dead_output(self, means: dict[str, float]) -> str | None:
        """Return why the network cannot learn any more if ReLU is 0 for all images."""
        if means.get(_ACTIVE, 1.0) > 0:
            return None
        return (
            "The output is 0 for every validation image: ReLU is 0 for z <= 0, and so is its "
            "derivative, so such images change no weight. Try a smaller optimizer.learning_rate, "
            "another train.seed, or model.output: linear."
        )

    def evaluate(
        self, predictions: Predictions, labels: Labels, class_names: tuple[str, ...]
    ) -> Metrics:
        """Return the metrics of values (n, 1) for labels (n,)."""
        del class_names
        errors = predictions[:, 0].astype(np.float64) - labels
        squares = float(np.mean(errors**2))
        absolute = float(np.mean(np.abs(errors)))
        variance = float(np.var(labels.astype(np.float64)))
        scores = {"rmse": float(np.sqrt(squares)), "mae": absolute}
        if variance:  # else R^2 is not defined
            scores["r2"] = 1 - squares / variance
        loss = squares / 2 if self.loss_name == "squared" else absolute
        return Metrics(images=len(labels), loss=loss, scores=scores)

    def baseline(self, labels: Labels, units: int) -> Predictions:
        """Return the mean of the labels (1,)."""
        del units
        return np.array([np.mean(labels, dtype=np.float64)], np.float32)

    def score(self, predictions: Predictions, labels: Labels) -> float:
        """Return the root of the mean squared error."""
        errors = predictions[:, 0].astype(np.float64) - labels
        return float(np.sqrt(np.mean(errors**2)))

    def agreement(self, got: Predictions, expected: Predictions | Exact) -> None:
        """Return None: values have no labels that could agree."""
        del got, expected

    def disagreements(
        self, got: Predictions, expected: Predictions | Exact, tolerance: float | Exact
    ) -> int:
        """Return 0: differences of values are all that there is to compare."""
        del got, expected, tolerance
        return 0

    def tolerance(self, of_probabilities: float, expected: Predictions | Exact) -> float:
        """Return the same share of the span of the values; probabilities span 1.

        In int8, the largest difference is that of values beyond the range of the calibration
        images, which are clipped: a digit of 12.1 became 10.6.
        """
        return of_probabilities * float(np.ptp(expected))

    def exact_output(self, logits: Exact, errors: Exact) -> tuple[Exact, Exact]:
        """Return the values and their errors; the identity and ReLU do not round."""
        if self.output_name == "relu":
            above = np.maximum(logits + errors, 0) - np.maximum(logits, 0)
            below = np.maximum(logits, 0) - np.maximum(logits - errors, 0)
            return np.maximum(logits, 0), np.maximum(above, below)
        return logits, errors

    @presentation
    def describe(self, prediction: Predictions, class_names: Sequence[str]) -> DisplayedPrediction:
        """Return the value."""
        del class_names
        return DisplayedPrediction(value=prediction[0])


def _num_active(labels: Any, z: Any, counts: Any) -> Any:
    import tensorflow as tf

    del labels
    return tf.reduce_sum(tf.cast((z[:, 0] > 0) & counts, tf.int64))


TASK = Regression
