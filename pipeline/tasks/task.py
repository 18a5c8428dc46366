"""The interface of a task, from the output layer to the presentation of a prediction."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.model_contract import TensorSpec
from pipeline.config.key_errors import InvalidValue
from pipeline.engine.fingerprints import presentation

if TYPE_CHECKING:
    import keras

Predictions = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64] | npt.NDArray[np.float32]
Exact = npt.NDArray[np.float64]

# Below this probability a prediction is unsure, unless the manifest of the model has fitted values:
# those of two classes, and of older versions, have not.
UNSURE_BELOW = 0.9
UNIT_ROUNDOFF = 2.0**-24  # of float32: the largest relative error of one operation


@dataclass(frozen=True)
class SummedMetric:
    """A training metric: a sum over images, divided by their number.

    ``sum_of`` takes TensorFlow tensors: labels (n,), logits (n, units) and ``counts``, a bool mask
    (n,) of the images that count. It returns a scalar of ``dtype`` and is compiled into the
    training program.
    """

    name: str
    dtype: str
    sum_of: Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class DisplayedPrediction:
    """A prediction for display: a label with its probability, 0 to 1, or else a value."""

    label: str | None = None
    probability: np.float32 | None = None
    probabilities: dict[str, np.float32] = field(default_factory=dict)
    value: np.float32 | None = None


@dataclass(frozen=True)
class Score:
    """The score that rates a model: a share of correct predictions, or else an error.

    ``unit`` is that of ``worsening``.
    """

    name: str
    is_error: bool = False

    @property
    def title(self) -> str:
        """The name in a sentence: accuracy, RMSE."""
        return self.name.upper() if self.is_error else self.name.replace("_", " ")

    @property
    def unit(self) -> str:
        """Percentage points for shares, percent for errors."""
        return "percent" if self.is_error else "points"

    def worsening(self, value: float, original: float) -> float:
        """Return how much worse a value is: in percentage points, or in percent of an error."""
        if not self.is_error:
            return round(100 * (original - value), 6)
        return round(100 * (value / original - 1), 6) if original else 100 * float(value > 0)


class Task(ABC):
    """What a network learns to predict.

    ``outputs`` and ``losses`` are the values of ``model.output`` and ``train.loss`` that the task
    has, the default first; ``not_here`` explains others. ``labels`` is their dtype.
    """

    name: ClassVar[str]
    outputs: ClassVar[tuple[str, ...]]
    losses: ClassVar[tuple[str, ...]] = ("cross_entropy",)
    not_here: ClassVar[dict[str, str]] = {}
    labels: ClassVar[str] = "int64"
    quality: ClassVar[Score] = Score("accuracy")
    training_metrics: tuple[SummedMetric, ...]

    def __init__(self, output_name: str | None = None, loss_name: str | None = None) -> None:
        """Use an output and a loss of the task, by default the first of each.

        Raises:
            InvalidValue: the task has no such output or loss.
        """
        self.output_name = self._choice("model.output", output_name, self.outputs)
        self.loss_name = self._choice("train.loss", loss_name, self.losses)

    def _choice(self, key: str, value: str | None, known: tuple[str, ...]) -> str:
        if value is None:
            return known[0]
        if value not in known:
            why, name = self.not_here.get(value, ""), key.partition(".")[2]
            raise InvalidValue(
                key,
                f"The {name} of the task {self.name} must be {' or '.join(known)}; got {value!r}",
                f"{why} Change the {name} or the task.".lstrip(),
            )
        return value

    @property
    @presentation
    def predicts_value(self) -> bool:
        """Whether a prediction is a number rather than a class."""
        return False

    @abstractmethod
    def output(self, num_classes: int) -> TensorSpec:
        """Return name, dtype and shape of the output, for the contract."""

    @abstractmethod
    def output_layers(self) -> "list[keras.layers.Layer]":
        """Return the layers from logits to the output; the last has the name of the output."""

    @abstractmethod
    def loss(self, precision: str = "float32") -> "keras.losses.Loss":
        """Return the loss of labels and logits, summed over the images of a batch."""

    def check_classes(self, class_names: tuple[str, ...], target: str) -> None:
        """Check the classes that the target has; none mean that its labels are numbers.

        Raises:
            InvalidValue: the task needs another target.
        """
        if not class_names:
            raise InvalidValue(
                "data.target",
                f"The task {self.name} needs classes; the target {target} is a number",
                "Choose another target, or write task: regression.",
            )

    def check_labels(self, labels: Labels) -> None:
        """Check the labels (n,) of a split.

        Raises:
            InvalidValue: the network cannot learn them.
        """
        del labels

    def explain_dead_output(self, means: dict[str, float]) -> str | None:
        """Return why the network cannot learn any more, from the metrics of an epoch, or None."""
        del means
        return None

    def tolerance(self, of_probabilities: float, expected: Predictions | Exact) -> float:
        """Return the permitted difference from ``expected``, given that of probabilities."""
        del expected
        return of_probabilities

    @abstractmethod
    def baseline(self, labels: Labels, units: int) -> Predictions:
        """Return the best constant prediction (units,) for the training labels (n,)."""

    @abstractmethod
    def evaluate(
        self, predictions: Predictions, labels: Labels, class_names: tuple[str, ...]
    ) -> Metrics:
        """Return the metrics of predictions (n, units) for labels (n,), computed in float64.

        The first score is the ``quality`` of the model.
        """

    @abstractmethod
    def score(self, predictions: Predictions, labels: Labels) -> float:
        """Return only the first score, the ``quality``."""

    @abstractmethod
    def agreement(self, got: Predictions, expected: Predictions | Exact) -> float | None:
        """Return the share of predictions with the same label, 0 to 1; None without labels."""

    @abstractmethod
    def disagreements(
        self, got: Predictions, expected: Predictions | Exact, tolerance: float | Exact
    ) -> int:
        """Return how many predictions are not equivalent, except ties within the tolerance.

        ``tolerance`` is that of a margin, or of each prediction, (n, units).
        """

    @abstractmethod
    def exact_output(self, logits: Exact, errors: Exact) -> tuple[Exact, Exact]:
        """Return the output in float64, and how far float32 may be from it; both (n, units).

        ``errors`` are the largest errors of the logits; those of the output layer are added.
        """

    @presentation
    def labels_of(self, predictions: Predictions) -> Labels | None:
        """Return the predicted labels (n,); None if the predictions (n, 1) are numbers."""
        del predictions
        return None

    @presentation
    @abstractmethod
    def describe(self, prediction: Predictions, class_names: Sequence[str]) -> DisplayedPrediction:
        """Return one prediction (units,) for display."""
