"""The compiled program of one worker among several.

XLA cannot compile a collective operation on a CPU, so it compiles what is before it and after it:
the gradient, as one vector, and the update. A loop of TensorFlow runs both and the sum between.
"""

import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.models.compiled_function import compiled_function
from pipeline.tasks.task import Task
from pipeline.training.compiled_program import EpochState, Program, added_up, steps_until
from pipeline.training.distributed.columns import Columns
from pipeline.training.distributed.group import Group, Message
from pipeline.training.network_program import GRAPH, XLA

if TYPE_CHECKING:
    from pipeline.training.augmentation import Augmentation
    from pipeline.training.feed import Shard

STEPS = "steps"  # the message that announces them


class GroupProgram(Program):
    """Takes the steps of ``Program``, each worker with its columns of every batch.

    Worker 0 calls ``run``, which makes the others call ``follow``.
    """

    average_every: int | None = None  # steps that are taken alone, for subclasses that do so

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        group: Group,
        task: Task,
        batch_size: int,
        augmentation: "Augmentation | None" = None,
        adversarial: float | None = None,
    ) -> None:
        """Use what ``Program`` uses, and the group that this process has joined."""
        self._settings: dict[str, Any] = {
            "task": task,
            "batch_size": batch_size,
            "augmentation": augmentation,
            "adversarial": adversarial,
        }
        columns = Columns(batch_size, group.membership.rank, group.size)
        super().__init__(model, optimizer, columns=columns, **self._settings)
        self._group, self._is_copied = group, False
        self._calls = {compiler: compiled_function(self._run_steps) for compiler in (XLA, GRAPH)}
        self._parts = {
            compiler: [
                compiled_function(part, xla=compiler == XLA)
                for part in (self._gradient, self._update_all)
            ]
            for compiler in (XLA, GRAPH)
        }

    @property
    def num_workers(self) -> int:
        """The number of workers."""
        return self._group.size

    def alone(self, shard: "Shard") -> Program:
        """Return the program of a training in one process, compiled, with the same variables."""
        program = Program(self.model, self.optimizer, **self._settings)
        program.clean_from = self.clean_from
        program.compile_for(shard, self.compiler)
        return program

    def trace(self, shard: "Shard") -> None:
        """Compile both parts by a step of this worker alone, which changes nothing."""
        with self.unchanged():
            for part in self.parts(shard):
                part(1)

    def parts(self, shard: "Shard") -> tuple[Callable[[int], None], Callable[[int], None]]:
        """Return calls that compute this worker's gradient, and that update, a number of times."""
        gradient, update = self._parts[self.compiler]
        rows = tf.zeros([self._columns.count], tf.int32)
        images, labels = tf.gather(shard.images, rows), tf.gather(shard.labels, rows)
        size, place = tf.constant(self.batch_size), tf.zeros([3], tf.int64)
        zeros = tf.zeros([self._length()], self._trainable[0].dtype)

        def compute(step: Any, _: Any) -> tuple[Any, Any]:
            return step + 1, gradient(images, labels, size, place, step)

        def apply(step: Any, _: Any) -> tuple[Any, Any]:
            return step + 1, update(zeros)[0]

        return _repeated(compute, zeros), _repeated(apply, zeros[0])

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Restore all variables at the end of the block; the other workers copy them later."""
        before = [np.asarray(variable.value) for variable in self.variables]
        try:
            yield
        finally:
            for variable, value in zip(self.variables, before, strict=True):
                variable.assign(value)
            self._is_copied = False

    def run(
        self, shard: "Shard", state: EpochState, count: int, *, first: int = 0
    ) -> tuple[EpochState, bool]:
        """Run steps, as ``Program.run`` does, on all workers.

        Raises:
            WorkerLost: a worker has ended, or does not answer.
        """
        # Callbacks of worker 0 may have changed variables since the last epoch.
        copied = not self._is_copied or state.step == 0
        message = {
            "do": STEPS,
            "first_step": shard.first_step,
            "first": first,
            "count": count,
            "compiler": self.compiler,
            "clean_from": self.clean_from,
            "copied": copied,
        }
        alarmed = self._group.tell(message)
        if copied:
            self._copy()
        with self._group.watched():
            result = super().run(shard, state, count, first=first)
        _stop_if(alarmed)  # not before the steps, which the others take
        return result

    def follow(self, shard: "Shard", message: Message) -> None:
        """Run the same steps as worker 0.

        Raises:
            WorkerLost: a worker has ended, or does not answer.
        """
        self.compiler, self.clean_from = message["compiler"], message["clean_from"]
        if message["copied"]:
            self._copy()
        with self._group.watched():
            super().run(shard, EpochState(), message["count"], first=message["first"])

    def _copy(self) -> None:
        self._group.copy(self.variables)
        self._is_copied = True

    def _run_steps(
        self, data: tuple[Any, Any, Any], bounds: Any, place: Any, loss_sum: Any, sums: Any
    ) -> tuple[Any, Any, Any, Any]:
        num_images, first, last = bounds[0], bounds[1], bounds[2]
        gradient, update = self._parts[self.compiler]

        def run_step(step: Any, loss_sum: Any, sums: Any, _: Any) -> tuple[Any, Any, Any, Any]:
            *own, size = self._own_batch(data, num_images, step)
            loss, added = update(self._group.sum(gradient(*own, size, place, step)))
            loss_sum += tf.cast(loss * tf.cast(size, loss.dtype), tf.float64)
            return step + 1, loss_sum, added_up(sums, added), tf.math.is_finite(loss)

        return steps_until(last, run_step, first, loss_sum, sums)

    def _own_batch(
        self, data: tuple[Any, Any, Any], num_images: Any, step: Any
    ) -> tuple[Any, Any, Any]:
        """Return this worker's images and labels of a step, and the size of its batch."""
        images, labels, order = data
        # A slice whose start changes would be compiled anew in each step by XLA.
        batch = tf.slice(order, [step * self.batch_size], [self.batch_size])
        size = tf.minimum(self.batch_size, num_images - step * self.batch_size)
        rows = self._columns.of(batch)
        return tf.gather(images, rows), tf.gather(labels, rows), size

    def _length(self) -> int:
        """Return the number of values that are summed over the workers."""
        return sum(map(size_of, self._trainable)) + 1 + len(self._metrics)

    def _gradient(self, images: Any, labels: Any, size: Any, place: Any, step: Any) -> Any:
        """Return this worker's part of gradient, loss and metrics, as one vector."""
        counts = self._columns.positions() < size
        images = self._augmented(images, place, step)
        gradients, loss, sums = self._differentiate(images, labels, counts, size)
        values = [*gradients, loss, *sums]
        return tf.concat([tf.reshape(tf.cast(v, loss.dtype), [-1]) for v in values], axis=0)

    def _penalties(self) -> list[Any]:
        return super()._penalties() if self._group.membership.leads else []  # once in the sum

    def _update_all(self, vector: Any) -> tuple[Any, tuple[Any, ...]]:
        """Apply the gradient of the whole batch, and return its loss and sums of metrics."""
        dtypes = [metric.dtype for metric in self._metrics]
        sizes = [*map(size_of, self._trainable), 1]
        *gradients, loss, sums = tf.split(vector, [*sizes, len(dtypes)])
        shapes = (variable.shape for variable in self._trainable)
        self._update(*(tf.reshape(*pair) for pair in zip(gradients, shapes, strict=True)))
        return loss[0], tuple(tf.cast(sums[n], dtype) for n, dtype in enumerate(dtypes))


def _repeated(part: Callable[[Any, Any], tuple[Any, Any]], start: Any) -> Callable[[int], None]:
    """Return a call that runs a part a number of times, and waits until it is computed."""

    def repeat(count: Any) -> Any:
        _, last = tf.while_loop(lambda step, _: step < count, part, (0, start))
        return tf.reshape(last, [-1])[0]

    call = compiled_function(repeat)
    return lambda count: call(tf.constant(count)).numpy()


def size_of(variable: keras.Variable) -> int:
    """Return the number of values of a variable."""
    return math.prod(variable.shape)


def _stop_if(alarmed: set[int]) -> None:
    """Stop as at Ctrl-C, with a checkpoint, if a signal has arrived at another worker."""
    if alarmed:
        signal.raise_signal(signal.SIGINT)
