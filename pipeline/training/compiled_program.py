"""The compiled program: many training steps in one call, with a Keras model and optimizer.

For small networks, Keras ``fit`` spends most of its time outside arithmetic. Here one compiled
loop gathers the batches and runs the forward pass, the backward pass and the update.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from pipeline.models.compiled_function import compiled_function
from pipeline.models.fast_gradient_sign import FastGradientSign
from pipeline.tasks.task import Task
from pipeline.training.distributed.columns import Columns
from pipeline.training.dropout import with_column_dropout
from pipeline.training.network_program import GRAPH, XLA, NetworkProgram, plain

if TYPE_CHECKING:
    from pipeline.training.augmentation import Augmentation
    from pipeline.training.feed import Shard


@dataclass(frozen=True)
class EpochState:
    """Progress within an epoch: steps taken, and the summed loss and metrics of their images.

    Empty ``metric_sums`` mean that all sums are zero.
    """

    step: int = 0
    loss_sum: float = 0.0
    metric_sums: tuple[int | float, ...] = ()  # counts stay integers


class Program(NetworkProgram):
    """Steps W <- W - update((1/|J|) sum_{j in J} dLoss/dW) over batches J, compiled once."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        task: Task,
        batch_size: int,
        augmentation: "Augmentation | None" = None,
        adversarial: float | None = None,
        columns: Columns | None = None,
    ) -> None:
        """Use a model of the task, and an optimizer that was built for its weights.

        With ``augmentation``, images are changed in all steps before ``clean_from``. With
        ``adversarial``, the network is trained on images that moved so far against it.
        ``columns`` are those of a worker; by default, the whole batch.
        """
        super().__init__(model, task)
        self.optimizer, self.batch_size = optimizer, batch_size
        self.augmentation, self.clean_from = augmentation, 0
        self._columns = columns or Columns(batch_size)
        self._logits = with_column_dropout(self._logits, self._columns)
        self._trainable = list(self._logits.trainable_variables)
        self._calls = {
            XLA: compiled_function(self._run_steps, xla=True),
            GRAPH: compiled_function(self._run_steps),
        }
        # XLA fuses these in a graph too, where oneDNN computes the products.
        self._update = compiled_function(self._apply_gradients, xla=True)
        self._augment = compiled_function(self._change, xla=True) if augmentation else None
        self._epsilon = adversarial or 0.0
        self._attack = FastGradientSign(model, self._sum_loss) if adversarial else None
        if self._attack is not None:
            self._attack.logits = with_column_dropout(self._attack.logits, self._columns)
        model.optimizer = optimizer  # Keras callbacks look for it there

    @property
    def variables(self) -> list[keras.Variable]:
        """All state that a step reads or changes, of the model and of the optimizer."""
        return [*super().variables, *self.optimizer.variables]

    def learning_rate(self) -> float:
        """Return the present learning rate; a schedule changes it with every step."""
        return float(self.optimizer.learning_rate)

    def whole(self, count: int) -> int:
        """Return the least number of steps, at least ``count``, that a call can take."""
        return count

    def trace(self, shard: "Shard") -> None:
        """Compile for shards of these shapes by running no steps."""
        self.run(shard, EpochState(), 0)

    def run(
        self, shard: "Shard", state: EpochState, count: int, *, first: int = 0
    ) -> tuple[EpochState, bool]:
        """Run ``count`` steps, starting at the shard's step ``first``; return the state after them.

        The second value is whether all losses were finite; the first one that is not stops the run.
        """
        bounds = tf.constant([shard.num_images, first, first + count])
        place = tf.constant([shard.seed, shard.first_step, self.clean_from], tf.int64)
        loss_sum = tf.constant(state.loss_sum, tf.float64)
        sums = self._tensors(state.metric_sums)
        call = self._calls[self.compiler]
        loss_sum, sums, taken, finite = call(
            (shard.images, shard.labels, shard.order), bounds, place, loss_sum, sums
        )
        after = EpochState(state.step + int(taken), float(loss_sum), plain(sums))
        return after, bool(finite)

    def finish(self) -> None:
        """Replace the weights by their averages if the optimizer has them (``use_ema``)."""
        self.optimizer.finalize_variable_values(self._trainable)

    def _run_steps(
        self, data: tuple[Any, Any, Any], bounds: Any, place: Any, loss_sum: Any, sums: Any
    ) -> tuple[Any, Any, Any, Any]:
        """Run the steps, adding to sums of earlier calls: results do not depend on the chunks."""
        images, labels, order = data
        num_images, first, last = bounds[0], bounds[1], bounds[2]

        def run_step(step: Any, loss_sum: Any, sums: Any, _: Any) -> tuple[Any, Any, Any, Any]:
            batch = tf.slice(order, [step * self.batch_size], [self.batch_size])
            size = tf.minimum(self.batch_size, num_images - step * self.batch_size)
            inputs = self._augmented(tf.gather(images, batch), place, step)
            loss, added = self._train_step(inputs, tf.gather(labels, batch), size)
            loss_sum += tf.cast(loss * tf.cast(size, loss.dtype), tf.float64)
            return step + 1, loss_sum, added_up(sums, added), tf.math.is_finite(loss)

        return steps_until(last, run_step, first, loss_sum, sums)

    def _augmented(self, images: Any, place: Any, step: Any) -> Any:
        augment = self._augment
        if self.augmentation is None or augment is None:
            return images
        seed, number = place[0], place[1] + tf.cast(step, tf.int64)
        if not self.augmentation.config.clean_at_end:
            return augment(images, seed, number)
        return tf.cond(number < place[2], lambda: augment(images, seed, number), lambda: images)

    def _change(self, images: Any, seed: Any, number: Any) -> Any:
        assert self.augmentation is not None, "called only with one"
        return self.augmentation(images, seed, number, self._columns)

    def _train_step(self, images: Any, labels: Any, size: Any) -> tuple[Any, Any]:
        """Run one step on the first ``size`` images: the last batch of an epoch is padded."""
        counts = tf.sequence_mask(size, self.batch_size)
        gradients, loss, sums = self._differentiate(images, labels, counts, size)
        self._update(*gradients)
        return loss, sums

    def _differentiate(
        self, images: Any, labels: Any, counts: Any, size: Any
    ) -> tuple[list[Any], Any, tuple[Any, ...]]:
        """Return the gradients, the loss and the sums of metrics of the images that count."""
        network = self._logits
        if self._attack is not None:
            images = self._attack(images, labels, self._epsilon, training=True)
            network = self._attack.logits
        with tf.GradientTape() as tape:
            logits = network(images, training=True)
            data_loss = self._sum_loss(labels, logits, sample_weight=tf.cast(counts, logits.dtype))
            loss = tf.add_n([data_loss / tf.cast(size, logits.dtype), *self._penalties()])
            scaled = self.optimizer.scale_loss(loss)  # apply() divides by the factor again
        return tape.gradient(scaled, self._trainable), loss, self._sums(labels, logits, counts)

    def _penalties(self) -> list[Any]:
        """Return the terms of the loss that do not depend on images."""
        return list(self._logits.losses)

    def _apply_gradients(self, *gradients: Any) -> None:
        self.optimizer.apply(gradients, self._trainable)


def steps_until(
    last: Any, run_step: Callable[..., tuple[Any, ...]], first: Any, loss_sum: Any, sums: Any
) -> tuple[Any, Any, Any, Any]:
    """Run steps ``first`` to ``last`` in one loop; a loss that is not finite ends it.

    ``run_step`` takes and returns the step, the sums of loss and metrics, and whether the last loss
    was finite. The result has the number of steps instead of the step, after the sums.
    """

    def continues(step: Any, _loss_sum: Any, _sums: Any, finite: Any) -> Any:
        return (step < last) & finite

    start = (first, loss_sum, sums, tf.constant(True))
    step, loss_sum, sums, finite = tf.while_loop(continues, run_step, start)
    return loss_sum, sums, step - first, finite


def added_up(sums: tuple[Any, ...], added: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return sums of metrics with those of one more step."""
    return tuple(a + b for a, b in zip(sums, added, strict=True))
