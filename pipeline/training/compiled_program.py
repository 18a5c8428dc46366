"""The compiled program: many training steps in one call, on the model and optimiser of Keras.

Keras' ``fit`` spends most of a small network's time outside arithmetic. Here the batches are
gathered, and the forward pass, backward pass and update run, inside one compiled loop.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from pipeline.errors import ConfigError, one_line
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
    """Mean loss (with penalties) and the task's metrics, by name, over the images seen."""

    loss: float
    metrics: dict[str, float]

    def logs(self, prefix: str = "") -> dict[str, float]:
        """Return them as Keras names them in the logs of an epoch."""
        values = {"loss": self.loss, **self.metrics}
        return {f"{prefix}{name}": value for name, value in values.items()}


@dataclass(frozen=True)
class EpochState:
    """How far an epoch has come: steps taken, summed loss and summed metrics of their images.

    Without sums, those of all metrics are zero.
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
        """Take a model of the task and an optimizer that is built for its weights."""
        self.model, self.optimizer, self.batch_size = model, optimizer, batch_size
        self._metrics = task.training_metrics
        self._logits = logits_model(model)
        self._trainable = list(self._logits.trainable_variables)  # those the optimiser is built for
        self._sum_loss = task.loss()
        self._calls = {
            XLA: tf.function(self._run_steps, jit_compile=True),
            GRAPH: tf.function(self._run_steps),
        }
        self._evaluate = tf.function(
            self._evaluate_batch,
            input_signature=[
                tf.TensorSpec(model.input.shape, tf.uint8),
                tf.TensorSpec((None,), tf.int64),
            ],
        )
        self.compiler = XLA
        model.optimizer = optimizer  # where Keras' callbacks look for it

    @property
    def variables(self) -> list[keras.Variable]:
        """All state that a step reads or changes: of the model and of the optimiser."""
        return [*self._logits.variables, *self.optimizer.variables]

    def compile_for(self, shard: "Shard", compiler: str | None) -> str | None:
        """Compile for shards of these shapes and return why XLA is not used, if it cannot be.

        Without a compiler asked for, XLA, and what it cannot compile as a TensorFlow graph.

        Raises:
            ConfigError: XLA was asked for and cannot compile it.
        """
        self.compiler = compiler or XLA
        try:
            self.run(shard, EpochState(), 0)
        except _NOT_COMPILED as error:
            if self.compiler == GRAPH:
                raise
            reason = one_line(error, 200)
            if compiler == XLA:
                raise _not_compiled(reason) from error
            self.compiler = GRAPH
            self.run(shard, EpochState(), 0)
            return reason
        return None

    def run(
        self, shard: "Shard", state: EpochState, count: int, *, first: int = 0
    ) -> tuple[EpochState, bool]:
        """Take ``count`` steps from the shard's step ``first`` on; return the state after them.

        The second value is whether all losses were finite; after one that is not, no step is taken.
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
        """Return a mean loss, and the metrics that have these sums over ``num_images`` images."""
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
        """Put averaged weights in place where the optimiser keeps such (``use_ema``)."""
        self.optimizer.finalize_variable_values(self._trainable)

    def _run_steps(
        self, images: Any, labels: Any, order: Any, bounds: Any, loss_sum: Any, sums: Any
    ) -> tuple[Any, Any, Any, Any]:
        """The sums are handed in, so that they do not depend on how many calls an epoch takes."""
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
        """Of a batch, the first ``size`` images count: the last batch of an epoch is padded."""
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
        "train.compiler must be one that can compile the training step; got 'xla' in the "
        f"configuration: {reason} Choose auto or graph."
    )


def _plain(sums: tuple[Any, ...]) -> tuple[float, ...]:
    return tuple(total.numpy().item() for total in sums)
