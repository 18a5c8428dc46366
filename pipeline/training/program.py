"""The compiled program: many training steps in one call, on the model and optimiser of Keras.

Keras' ``fit`` spends most of a small network's time outside arithmetic. Here the batches are
gathered, and the forward pass, backward pass and update run, inside one compiled loop.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from pipeline.errors import ConfigError
from pipeline.models.dense import logits_model

if TYPE_CHECKING:
    from pipeline.artifacts.data_set import Split
    from pipeline.training.feed import Shard

XLA, GRAPH = "XLA", "graph"
_EVALUATION_BATCH = 4096
_NOT_COMPILED = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, ValueError)


@dataclass(frozen=True)
class Result:
    """Mean loss (with penalties) and top-1 accuracy over the images seen."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class EpochState:
    """How far an epoch has come: steps taken, summed loss and right answers of their images."""

    step: int = 0
    loss_sum: float = 0.0
    num_correct: int = 0


class Program:
    """Steps W <- W - update((1/|J|) sum_{j in J} dLoss/dW) over batches J, compiled once."""

    def __init__(
        self, model: keras.Model, optimizer: keras.optimizers.Optimizer, *, batch_size: int
    ) -> None:
        """Take a classifier and an optimiser that is built for its weights."""
        self.model, self.optimizer, self.batch_size = model, optimizer, batch_size
        self._logits = logits_model(model)
        self._trainable = list(self._logits.trainable_variables)  # those the optimiser is built for
        self._sum_loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="sum"
        )
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
            reason = " ".join(str(error).split())[:200]
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
        sums = (tf.constant(state.loss_sum, tf.float64), tf.constant(state.num_correct, tf.int64))
        call = self._calls[self.compiler]
        loss_sum, correct, taken, finite = call(
            shard.images, shard.labels, shard.order, bounds, *sums
        )
        after = EpochState(state.step + int(taken), float(loss_sum), int(correct))
        return after, bool(finite)

    def evaluate(self, split: "Split") -> Result:
        """Return the result over all images of a split, without training."""
        loss_sum, num_correct, total = 0.0, 0, len(split)
        for first in range(0, total, _EVALUATION_BATCH):
            chunk = slice(first, first + _EVALUATION_BATCH)
            images, labels = tf.constant(split.images[chunk]), tf.constant(split.labels[chunk])
            loss, correct = self._evaluate(images, labels)
            loss_sum, num_correct = loss_sum + float(loss), num_correct + int(correct)
        penalties = float(sum(self._logits.losses))
        return Result(loss_sum / total + penalties, num_correct / total)

    def finish(self) -> None:
        """Put averaged weights in place where the optimiser keeps such (``use_ema``)."""
        self.optimizer.finalize_variable_values(self._trainable)

    def _run_steps(
        self, images: Any, labels: Any, order: Any, bounds: Any, loss_sum: Any, num_correct: Any
    ) -> tuple[Any, Any, Any, Any]:
        """The sums are handed in, so that they do not depend on how many calls an epoch takes."""
        num_images, first, last = bounds[0], bounds[1], bounds[2]
        step, finite = first, tf.constant(True)
        while step < last and finite:
            batch = tf.slice(order, [step * self.batch_size], [self.batch_size])
            size = tf.minimum(self.batch_size, num_images - step * self.batch_size)
            loss, correct = self._train_step(
                tf.gather(images, batch), tf.gather(labels, batch), size
            )
            finite = tf.math.is_finite(loss)
            loss_sum += tf.cast(loss * tf.cast(size, tf.float32), tf.float64)
            num_correct += correct
            step += 1
        return loss_sum, num_correct, step - first, finite

    def _train_step(self, images: Any, labels: Any, size: Any) -> tuple[Any, Any]:
        """Of a batch, the first ``size`` images count: the last batch of an epoch is padded."""
        counts = tf.sequence_mask(size, self.batch_size)
        with tf.GradientTape() as tape:
            logits = self._logits(images, training=True)
            data_loss = self._sum_loss(labels, logits, sample_weight=tf.cast(counts, tf.float32))
            loss = tf.add_n([data_loss / tf.cast(size, tf.float32), *self._logits.losses])
            scaled = self.optimizer.scale_loss(loss)  # apply() divides by the factor again
        self.optimizer.apply(tape.gradient(scaled, self._trainable), self._trainable)
        return loss, _num_correct(labels, logits, counts)

    def _evaluate_batch(self, images: Any, labels: Any) -> tuple[Any, Any]:
        logits = self._logits(images, training=False)
        return self._sum_loss(labels, logits), _num_correct(labels, logits, True)


def _not_compiled(reason: str) -> ConfigError:
    return ConfigError(
        "train.compiler must be one that can compile the training step; got 'xla' in the "
        f"configuration: {reason} Choose auto or graph."
    )


def _num_correct(labels: Any, logits: Any, counts: Any) -> Any:
    hits = tf.equal(tf.argmax(logits, axis=1), labels) & counts
    return tf.reduce_sum(tf.cast(hits, tf.int64))
