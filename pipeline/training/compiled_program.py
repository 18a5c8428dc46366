"""The compiled program: many training steps in one call, with a Keras model and optimizer.

For small networks, Keras ``fit`` spends most of its time outside arithmetic. Here one compiled
loop gathers the batches and runs the forward pass, the backward pass and the update.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from pipeline.errors import ConfigError, sentence
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


@dataclass(frozen=True)
class EpochState:
    """Progress within an epoch: steps taken, and the summed loss and metrics of their images.

    Empty ``metric_sums`` mean that all sums are zero.
    """

    step: int = 0
    loss_sum: float = 0.0
    metric_sums: tuple[int | float, ...] = ()  # counts stay integers


class Program:
    """Steps W <- W - update((1/|J|) sum_{j in J} dLoss/dW) over batches J, compiled once."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        task: Task,
        batch_size: int,
    ) -> None:
        """Use a model of the task, and an optimizer that was built for its weights."""
        self.model, self.optimizer, self.batch_size = model, optimizer, batch_size
        self._metrics = task.training_metrics
        self._logits = logits_model(model)
        self._trainable = list(self._logits.trainable_variables)  # as in the optimizer
        self._sum_loss = task.loss()
        self._calls = {
            XLA: tf.function(self._run_steps, jit_compile=True),
            GRAPH: tf.function(self._run_steps),
        }
        self._evaluate = tf.function(
            self._evaluate_batch,
            input_signature=[
                tf.TensorSpec(model.input.shape, tf.uint8),
                tf.TensorSpec((None,), task.labels),
            ],
        )
        self.compiler = XLA
        model.optimizer = optimizer  # Keras callbacks look for it there

    @property
    def variables(self) -> list[keras.Variable]:
        """All state that a step reads or changes, of the model and of the optimizer."""
        return [*self._logits.variables, *self.optimizer.variables]

    def compile_for(self, shard: "Shard", compiler: str | None) -> str | None:
        """Compile for shards of these shapes; if XLA cannot, return the reason.

        By default, XLA is tried first, and a TensorFlow graph is used if XLA fails.

        Raises:
            ConfigError: ``compiler`` is XLA, and XLA cannot compile the step.
        """
        self.compiler = compiler or XLA
        try:
            self.run(shard, EpochState(), 0)
        except _NOT_COMPILED as error:
            if self.compiler == GRAPH:
                raise
            reason = sentence(error, 200)
            if compiler == XLA:
                raise _not_compiled(reason) from error
            self.compiler = GRAPH
            self.run(shard, EpochState(), 0)
            return f"XLA cannot compile them: {reason}"
        return None

    def run(
        self, shard: "Shard", state: EpochState, count: int, *, first: int = 0
    ) -> tuple[EpochState, bool]:
        """Run ``count`` steps, starting at the shard's step ``first``; return the state after them.

        The second value is whether all losses were finite; the first one that is not stops the run.
        """
        bounds = tf.constant([shard.num_images, first, first + count])
        loss_sum = tf.constant(state.loss_sum, tf.float64)
        sums = self._tensors(state.metric_sums)
        call = self._calls[self.compiler]
        loss_sum, sums, taken, finite = call(
            shard.images, shard.labels, shard.order, bounds, loss_sum, sums
        )
        after = EpochState(state.step + int(taken), float(loss_sum), _plain(sums))
        return after, bool(finite)

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
            sums = tuple(a + b for a, b in zip(sums, _plain(added), strict=True))
        penalties = float(sum(self._logits.losses))
        return self.means(loss_sum / total + penalties, sums, total)

    def finish(self) -> None:
        """Replace the weights by their averages if the optimizer has them (``use_ema``)."""
        self.optimizer.finalize_variable_values(self._trainable)

    def _run_steps(
        self, images: Any, labels: Any, order: Any, bounds: Any, loss_sum: Any, sums: Any
    ) -> tuple[Any, Any, Any, Any]:
        """Run the steps, adding to sums of earlier calls: results do not depend on the chunks."""
        num_images, first, last = bounds[0], bounds[1], bounds[2]
        step, finite = first, tf.constant(True)
        while step < last and finite:
            batch = tf.slice(order, [step * self.batch_size], [self.batch_size])
            size = tf.minimum(self.batch_size, num_images - step * self.batch_size)
            loss, added = self._train_step(tf.gather(images, batch), tf.gather(labels, batch), size)
            finite = tf.math.is_finite(loss)
            loss_sum += tf.cast(loss * tf.cast(size, tf.float32), tf.float64)
            sums = tuple(a + b for a, b in zip(sums, added, strict=True))
            step += 1
        return loss_sum, sums, step - first, finite

    def _train_step(self, images: Any, labels: Any, size: Any) -> tuple[Any, Any]:
        """Run one step on the first ``size`` images: the last batch of an epoch is padded."""
        counts = tf.sequence_mask(size, self.batch_size)
        with tf.GradientTape() as tape:
            logits = self._logits(images, training=True)
            data_loss = self._sum_loss(labels, logits, sample_weight=tf.cast(counts, tf.float32))
            loss = tf.add_n([data_loss / tf.cast(size, tf.float32), *self._logits.losses])
            scaled = self.optimizer.scale_loss(loss)  # apply() divides by the factor again
        self.optimizer.apply(tape.gradient(scaled, self._trainable), self._trainable)
        return loss, self._sums(labels, logits, counts)

    def _evaluate_batch(self, images: Any, labels: Any) -> tuple[Any, Any]:
        logits = self._logits(images, training=False)
        return self._sum_loss(labels, logits), self._sums(labels, logits, True)

    def _sums(self, labels: Any, logits: Any, counts: Any) -> tuple[Any, ...]:
        return tuple(metric.sum_of(labels, logits, counts) for metric in self._metrics)

    def _tensors(self, sums: tuple[float, ...]) -> tuple[Any, ...]:
        values = sums or (0,) * len(self._metrics)
        named = zip(self._metrics, values, strict=True)
        return tuple(tf.constant(value, metric.dtype) for metric, value in named)


def _not_compiled(reason: str) -> ConfigError:
    return ConfigError(
        f"train.compiler: xla cannot compile the training step: {reason} "
        "Set train.compiler to auto or graph."
    )


def _plain(sums: tuple[Any, ...]) -> tuple[float, ...]:
    return tuple(total.numpy().item() for total in sums)
