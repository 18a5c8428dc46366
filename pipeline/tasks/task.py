"""The interface of a task, from the output layer to the presentation of a prediction."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.model_contract import TensorSpec
from pipeline.engine.fingerprints import presentation

if TYPE_CHECKING:
    import keras

Predictions = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Exact = npt.NDArray[np.float64]

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
    """A prediction for display; ``probability`` is that of the label, 0 to 1, float32."""

    label: str
    probability: np.float32
    probabilities: dict[str, np.float32]


class Task(ABC):
    """What a network learns to predict."""

    name: str
    training_metrics: tuple[SummedMetric, ...]

    @abstractmethod
    def output(self, num_classes: int) -> TensorSpec:
        """Return name, dtype and shape of the output, for the contract."""

    @abstractmethod
    def output_layer(self) -> "keras.layers.Layer":
        """Return the layer from logits to the output, with the name of the output."""

    @abstractmethod
    def loss(self, precision: str = "float32") -> "keras.losses.Loss":
        """Return the loss of labels and logits, summed over the images of a batch."""

    @abstractmethod
    def evaluate(
        self, predictions: Predictions, labels: Labels, class_names: tuple[str, ...]
    ) -> Metrics:
        """Return the metrics of predictions (n, units) for labels (n,), computed in float64.

        Where a single number is needed, the first score is the quality of the model.
        """

    @abstractmethod
    def score(self, predictions: Predictions, labels: Labels) -> float:
        """Return only the first score."""

    @abstractmethod
    def agreement(self, got: Predictions, expected: Predictions | Exact) -> float:
        """Return the share of equivalent predictions, 0 to 1."""

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
    @abstractmethod
    def describe(self, prediction: Predictions, class_names: Sequence[str]) -> DisplayedPrediction:
        """Return one prediction (units,) for display."""
