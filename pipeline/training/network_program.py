"""What all compiled programs share: the network with its loss and metrics, and the compiler."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipeline.errors import ConfigError, sentence
from pipeline.models.compiled_function import compiled_function
from pipeline.models.dense import logits_model
from pipeline.tasks.task import Task

if TYPE_CHECKING:
    from pipeline.artifacts.data_set import Split
    from pipeline.training.feed import Shard

XLA, GRAPH = "XLA", "graph"
_EVALUATION_BATCH = 4096
_NOT_COMPILED = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, ValueError)


@dataclass(frozen=True)
class Result:
    """Mean loss (with penalties) and the task's metrics, by name, over some images."""

    loss: float
    metrics: dict[str, float]

    def logs(self, prefix: str = "") -> dict[str, float]:
        """Return loss and metrics under the names that Keras uses in the logs of an epoch."""
        values = {"loss": self.loss, **self.metrics}
        return {f"{prefix}{name}": value for name, value in values.items()}


class NetworkProgram(ABC):
    """A program with a model of a task; subclasses compute what their training method needs."""

    def __init__(self, model: keras.Model, task: Task) -> None:
        """Use a model of the task."""
        self.model, self.compiler = model, XLA
        self._metrics = task.training_metrics
        self._logits = logits_model(model)
        self._trainable = list(self._logits.trainable_variables)
        self._sum_loss = task.loss(self._logits.output.dtype)
        self._evaluate = compiled_function(
            self._evaluate_batch,
            tf.TensorSpec(model.input.shape, tf.uint8),
            tf.TensorSpec((None,), task.labels),
        )

    @property
    def variables(self) -> list[keras.Variable]:
        """All state that training reads or changes."""
        return list(self._logits.variables)

    def weights_by_name(self) -> dict[str, npt.NDArray[Any]]:
        """Return the present trainable weights, such as ``hidden_1/kernel``."""
        return {variable.path: np.asarray(variable.value) for variable in self._trainable}

    def learning_rate(self) -> float | None:
        """Return the present learning rate, or None for a method without one."""
        return None

    @abstractmethod
    def trace(self, shard: "Shard") -> None:
        """Compile for shards of these shapes, and compute nothing."""

    @abstractmethod
    def finish(self) -> None:
        """Set the weights to those that the training method returns, if they are others."""

    def compile_for(self, shard: "Shard", compiler: str | None) -> str | None:
        """Compile for shards of these shapes; if XLA cannot, return the reason.

        By default, XLA is tried first, and a TensorFlow graph is used if XLA fails.

        Raises:
            ConfigError: ``compiler`` is XLA, and XLA cannot compile the step.
        """
        self.compiler = compiler or XLA
        try:
            self.trace(shard)
        except _NOT_COMPILED as error:
            if self.compiler == GRAPH:
                raise
            reason = sentence(error, 200)
            if compiler == XLA:
                raise _not_compiled(reason) from error
            self.compiler = GRAPH
            self.trace(shard)
            return f"XLA cannot compile them: {reason}"
        return None

    def means(self, loss: float, sums: tuple[float, ...], num_images: int) -> Result:
        """Return a mean loss and the means of the metrics summed over ``num_images`` images."""
        named = zip(self._metrics, sums, strict=True)
        return Result(loss, {metric.name: total / num_images for metric, total in named})

    def evaluate(self, split: "Split") -> Result:
        """Return the result over all images of a split, without training."""
        loss_sum, sums, total = 0.0, (0.0,) * len(self._metrics), len(split)
        for first in range(0, total, _EVALUATION_BATCH):
            chunk = slice(first, first + _EVALUATION_BATCH)
            images, labels = tf.constant(split.images[chunk]), tf.constant(split.labels[chunk])
            loss, added = self._evaluate(images, labels)
            loss_sum += float(loss)
            sums = tuple(a + b for a, b in zip(sums, plain(added), strict=True))
        penalties = float(sum(self._logits.losses))
        return self.means(loss_sum / total + penalties, sums, total)

    def _evaluate_batch(self, images: Any, labels: Any) -> tuple[Any, Any]:
        logits = self._logits(images, training=False)
        return self._sum_loss(labels, logits), self._sums(labels, logits, True)

    def _sums(self, labels: Any, logits: Any, counts: Any) -> tuple[Any, ...]:
        return tuple(metric.sum_of(labels, logits, counts) for metric in self._metrics)

    def _tensors(self, sums: tuple[float, ...]) -> tuple[Any, ...]:
        values = sums or (0,) * len(self._metrics)
        named = zip(self._metrics, values, strict=True)
        return tuple(tf.constant(value, metric.dtype) for metric, value in named)


def plain(sums: tuple[Any, ...]) -> tuple[float, ...]:
    """Return sums of metrics as numbers; counts stay integers."""
    return tuple(total.numpy().item() for total in sums)


def _not_compiled(reason: str) -> ConfigError:
    return ConfigError(
        f"train.compiler: xla cannot compile the training step: {reason} "
        "Set train.compiler to auto or graph."
    )
