"""The compiled loop: many steps in one program, the data resident as bytes.

Keras' ``fit`` spends most of a small network's time outside arithmetic. Here the batches of an
epoch are gathered, and the forward pass, backward pass and update run, inside one compiled loop.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from pipeline.errors import TrainingDiverged

if TYPE_CHECKING:
    from pipeline.handover import Split

CHUNK_SECONDS = 0.5  # how often the loop comes back to report and to be interrupted
_EVALUATION_BATCH = 4096


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


_EPOCH_START = EpochState()


class CompiledLoop:
    """Runs epochs of gradient steps over one split.

    W <- W - update((1/|J|) sum_{j in J} dLoss/dW) for random batches J that partition the split;
    the last one is smaller where the batch size does not divide it.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        split: "Split",
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        """Take a model that gives logits (n, num_classes)."""
        self.num_images = len(split)
        self.batch_size = min(batch_size, self.num_images)
        self.num_steps = -(-self.num_images // self.batch_size)
        self.compiler = "XLA"
        self.model, self._optimizer, self._seed = model, optimizer, seed
        self._loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._images = tf.constant(split.images)
        self._labels = tf.constant(split.labels)
        self._steps = tf.function(self._run_steps, jit_compile=True)
        self._chunk = 1
        self._compiled = False
        optimizer.build(model.trainable_variables)

    def run_epoch(
        self,
        epoch: int,
        after_chunk: Callable[[EpochState], None],
        state: EpochState = _EPOCH_START,
    ) -> Result:
        """Train on every image once, from ``state`` on, in an order drawn from (seed, epoch).

        Raises:
            TrainingDiverged: the loss became infinite or not a number.
        """
        order = tf.random.experimental.stateless_shuffle(
            tf.range(self.num_images), seed=[self._seed, epoch]
        )
        while state.step < self.num_steps:
            count, size = self._next_chunk(state.step)
            started = time.monotonic()
            loss, correct, failed = self._call(order, state.step, count, size)
            if failed >= 0:
                raise self.divergence(epoch, failed)
            self._adapt_chunk(count, time.monotonic() - started)
            state = EpochState(
                state.step + count, state.loss_sum + loss, state.num_correct + correct
            )
            after_chunk(state)
        return self.result(state)

    def result(self, state: EpochState) -> Result:
        """Return the means over the images of the epoch that were seen."""
        seen = min(state.step * self.batch_size, self.num_images)
        return Result(state.loss_sum / seen, state.num_correct / seen)

    @property
    def variables(self) -> list[keras.Variable]:
        """All state that a step reads or changes: of the model and of the optimiser."""
        return [*self.model.variables, *self._optimizer.variables]

    def finish(self) -> None:
        """Put averaged weights in place where the optimiser keeps such (``use_ema``)."""
        self._optimizer.finalize_variable_values(self.model.trainable_variables)

    def divergence(self, epoch: int, step: int) -> TrainingDiverged:
        """Return the error for a loss that is no finite number at this epoch and step, from 0."""
        return TrainingDiverged(
            f"The loss must stay a finite number; got an infinite one or NaN at epoch {epoch + 1}, "
            f"step {step + 1} of {self.num_steps}. Nothing is published. Try a smaller "
            "optimizer.learning_rate, optimizer.clipnorm, or a larger train.batch_size."
        )

    def _next_chunk(self, step: int) -> tuple[int, int]:
        """Return how many steps of which size come next."""
        full_steps = self.num_images // self.batch_size
        if step == full_steps:
            return 1, self.num_images % self.batch_size
        return min(self._chunk, full_steps - step), self.batch_size

    def _adapt_chunk(self, count: int, seconds: float) -> None:
        ideal = int(count * CHUNK_SECONDS / max(seconds, 1e-6))
        self._chunk = max(1, min(ideal, 4 * self._chunk, self.num_steps))

    def _call(self, order: Any, first: int, count: int, size: int) -> tuple[float, int, int]:
        arguments = (order, tf.constant(first), tf.constant(count), size)
        try:
            loss, correct, failed = self._steps(*arguments)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, ValueError):
            if self.compiler != "XLA" or self._compiled:
                raise
            self.compiler = "graph"  # XLA compiles before it runs: no step was taken yet
            self._steps = tf.function(self._run_steps)
            loss, correct, failed = self._steps(*arguments)
        self._compiled = True
        return float(loss), int(correct), int(failed)

    def _run_steps(self, order: Any, first: Any, count: Any, size: int) -> tuple[Any, Any, Any]:
        """Return the summed loss, the number of right answers, and the first failed step or -1."""
        loss_sum, num_correct = tf.constant(0.0), tf.constant(0, tf.int64)
        failed, step = tf.constant(-1), first
        while step < first + count and failed < 0:
            indices = tf.slice(order, [step * self.batch_size], [size])
            loss, correct = self._train_step(indices)
            if not tf.math.is_finite(loss):
                failed = step
            loss_sum += loss * float(size)
            num_correct += correct
            step += 1
        return loss_sum, num_correct, failed

    def _train_step(self, indices: Any) -> tuple[Any, Any]:
        labels = tf.gather(self._labels, indices)
        with tf.GradientTape() as tape:
            logits = self.model(tf.gather(self._images, indices), training=True)
            loss = tf.add_n([self._loss(labels, logits), *self.model.losses])
            scaled = self._optimizer.scale_loss(loss)  # apply() divides by the factor again
        variables = self.model.trainable_variables
        self._optimizer.apply(tape.gradient(scaled, variables), variables)
        return loss, _num_correct(labels, logits)


class CompiledEvaluation:
    """Mean loss and accuracy of a model of logits over one split, without training."""

    def __init__(self, model: keras.Model, split: "Split") -> None:
        self._model = model
        self._split = split
        self._loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
        self._batch = tf.function(self._evaluate)

    def run(self) -> Result:
        """Return the result over all images of the split."""
        loss_sum, num_correct, total = 0.0, 0, len(self._split)
        for first in range(0, total, _EVALUATION_BATCH):
            chunk = slice(first, first + _EVALUATION_BATCH)
            images = tf.constant(self._split.images[chunk])
            loss, correct = self._batch(images, tf.constant(self._split.labels[chunk]))
            loss_sum, num_correct = loss_sum + float(loss), num_correct + int(correct)
        penalties = float(sum(self._model.losses))
        return Result(loss_sum / total + penalties, num_correct / total)

    def _evaluate(self, images: Any, labels: Any) -> tuple[Any, Any]:
        logits = self._model(images, training=False)
        return self._loss(labels, logits), _num_correct(labels, logits)


def _num_correct(labels: Any, logits: Any) -> Any:
    hits = tf.equal(tf.argmax(logits, axis=1), labels)
    return tf.reduce_sum(tf.cast(hits, tf.int64))
