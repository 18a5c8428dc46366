"""The compiled program of one worker among several that average their weights (local SGD)."""

from typing import Any

import keras
import tensorflow as tf

from pipeline.models.compiled_function import compiled_function
from pipeline.training.compiled_program import added_up, steps_until
from pipeline.training.distributed.group_program import GroupProgram, size_of
from pipeline.training.network_program import GRAPH, XLA


class AveragingProgram(GroupProgram):
    """Takes steps alone, with this worker's columns of each batch, and averages after some of them.

    W <- (1/N) sum_r W_r every K steps: Stich, "Local SGD converges fast and communicates little"
    (2019). The moments of the optimizer are averaged too, so that all workers have the same state
    then. A call of the program, and so a checkpoint, ends there, and so does a shard.
    """

    def __init__(self, *arguments: Any, average_every: int, **settings: Any) -> None:
        """Use what ``GroupProgram`` uses, and the number of steps between averages."""
        super().__init__(*arguments, **settings)
        self.average_every: int = average_every
        self._averaged = [variable for variable in self.variables if _differs(variable)]
        self._parts = {
            XLA: [
                compiled_function(self._step_alone, xla=True),
                compiled_function(self._set_averages),
            ],
            GRAPH: [compiled_function(self._step_alone), compiled_function(self._set_averages)],
        }

    def whole(self, count: int) -> int:
        """Return the least number of steps, at least ``count``, that ends with an average."""
        return -(-count // self.average_every) * self.average_every

    def _run_steps(
        self, data: tuple[Any, Any, Any], bounds: Any, place: Any, loss_sum: Any, sums: Any
    ) -> tuple[Any, Any, Any, Any]:
        num_images, first, last = bounds[0], bounds[1], bounds[2]
        step_alone, set_averages = self._parts[self.compiler]
        nothing = tf.zeros([1 + len(self._metrics)], self._trainable[0].dtype)

        def run_alone(step: Any, own: Any) -> tuple[Any, Any]:
            *batch, size = self._own_batch(data, num_images, step)
            return step + 1, own + step_alone(*batch, size, place, step)

        def run_steps(step: Any, loss_sum: Any, sums: Any, _: Any) -> tuple[Any, Any, Any, Any]:
            end = tf.minimum(step + self.average_every, last)
            step, own = tf.while_loop(lambda step, _: step < end, run_alone, (step, nothing))
            values = [*self._averaged, own]
            vector = tf.concat([tf.reshape(value, [-1]) for value in values], axis=0)
            loss, added = set_averages(self._group.sum(vector))
            loss_sum += tf.cast(loss, tf.float64)
            return step, loss_sum, added_up(sums, added), tf.math.is_finite(loss)

        return steps_until(last, run_steps, first, loss_sum, sums)

    def _length(self) -> int:
        return sum(map(size_of, self._averaged)) + 1 + len(self._metrics)

    def _penalties(self) -> list[Any]:
        return list(self._logits.losses)  # each worker has a loss of its own

    def _step_alone(self, images: Any, labels: Any, size: Any, place: Any, step: Any) -> Any:
        """Update with this worker's columns; return the sums of their losses and metrics."""
        counts = self._columns.positions() < size
        own_size = tf.maximum(tf.reduce_sum(tf.cast(counts, tf.int32)), 1)
        images = self._augmented(images, place, step)
        gradients, loss, sums = self._differentiate(images, labels, counts, own_size)
        self._update(*gradients)
        return tf.stack(
            [loss * tf.cast(own_size, loss.dtype), *(tf.cast(v, loss.dtype) for v in sums)]
        )

    def _set_averages(self, vector: Any) -> tuple[Any, tuple[Any, ...]]:
        """Set the averaged variables from sums over the workers, and return those of the loss."""
        dtypes = [metric.dtype for metric in self._metrics]
        sizes = [*map(size_of, self._averaged), 1]
        *totals, loss, sums = tf.split(vector, [*sizes, len(dtypes)])
        for variable, total in zip(self._averaged, totals, strict=True):
            variable.assign(tf.reshape(total / self.num_workers, variable.shape))
        return loss[0], tuple(tf.cast(sums[n], dtype) for n, dtype in enumerate(dtypes))


def _differs(variable: keras.Variable) -> bool:
    """Whether it may differ between workers; integers and scalars depend on the step alone."""
    return len(variable.shape) > 0 and keras.backend.is_float_dtype(variable.dtype)
