"""The workers of this process, connected by TensorFlow: sums over them, and messages of worker 0.

TensorFlow connects a process once, before its first operation.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from pipeline.errors import MachineError, one_line
from pipeline.models.compiled_function import compiled_function
from pipeline.training.distributed.membership import Membership

if TYPE_CHECKING:
    import keras

Message = dict[str, Any]
_MESSAGE_BYTES = 1024  # all messages have the same size, so that one operation sends them
_TASK = re.compile(r"/job:(chief|worker)/replica:0/task:(\d+)")
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


class WorkerLost(MachineError):
    """Another worker has ended, or does not answer."""


class Group:
    """The workers that train together; each calls the same methods in the same order."""

    def __init__(self, membership: Membership, strategy: tf.distribute.Strategy) -> None:
        """Use a strategy that has connected the workers."""
        self.membership, self._strategy = membership, strategy
        self._sum = compiled_function(self.sum)
        self._is_over = False

    @property
    def size(self) -> int:
        """The number of workers."""
        return self.membership.size

    def sum(self, values: Any) -> Any:
        """Return the sum of tensors of one shape over the workers, the same bits in each.

        To be called inside ``tf.function``.
        """
        return self._strategy.run(_all_reduced, (values,))

    def tell(self, message: Message) -> set[int]:
        """Send a message of worker 0, and return the workers that ``hear`` it with an alarm.

        Raises:
            WorkerLost: a worker has ended, or does not answer.
        """
        _, alarmed = self._exchange(json.dumps(message, ensure_ascii=False).encode(), alarm=False)
        return alarmed

    def hear(self, *, alarm: bool = False) -> tuple[Message, set[int]]:
        """Return the next message of worker 0, and the workers that heard it with an alarm.

        Raises:
            WorkerLost: a worker has ended, or does not answer.
        """
        text, alarmed = self._exchange(b"", alarm=alarm)
        message: Message = json.loads(text)
        return message, alarmed

    def copy(self, variables: "Sequence[keras.Variable]") -> None:
        """Set the variables of all workers to the values that worker 0 has, bit for bit."""
        values = [np.asarray(variable.value) for variable in variables]
        sent = np.concatenate([value.reshape(-1).view(np.uint8) for value in values])
        got, first = self._from_leader(sent), 0
        for variable, value in zip(variables, values, strict=True):
            part = got[first : first + value.nbytes]
            variable.assign(part.view(value.dtype).reshape(value.shape))
            first += value.nbytes

    def end(self, error: str | None = None) -> None:
        """Tell the other workers, once, that there is nothing more to do."""
        if not self._is_over:
            self._is_over = True
            self.tell({"do": "end", "error": error})

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Explain the errors of collective operations in this block.

        Raises:
            WorkerLost: a worker has ended, or does not answer.
        """
        try:
            yield
        except _LOST as error:
            self._is_over = True  # nothing can be sent any more
            raise WorkerLost(
                f"{self._lost(str(error))} Checkpoints are saved during training: start the "
                "command again on all workers to resume."
            ) from error

    def _exchange(self, text: bytes, *, alarm: bool) -> tuple[bytes, set[int]]:
        assert len(text) <= _MESSAGE_BYTES, "messages are short"
        content = text.ljust(_MESSAGE_BYTES) if self.membership.leads else bytes(_MESSAGE_BYTES)
        flags = np.zeros(self.size, np.int32)
        flags[self.membership.rank] = alarm
        sent = np.concatenate([np.frombuffer(content, np.int32), flags])
        with self.watched():
            got = self._sum(tf.constant(sent)).numpy()
        alarmed = {int(rank) for rank in np.flatnonzero(got[-self.size :])}
        return got[: -self.size].tobytes().rstrip(), alarmed

    def _from_leader(self, sent: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        """Return the bytes of worker 0; all others add zeros to them."""
        padded = np.zeros(-(-len(sent) // 4) * 4, np.uint8)
        if self.membership.leads:
            padded[: len(sent)] = sent
        with self.watched():
            summed = self._sum(tf.constant(padded.view(np.int32))).numpy()
        return np.asarray(summed).view(np.uint8)

    def _lost(self, text: str) -> str:
        """Return which workers an error of TensorFlow is about."""
        tasks = {(job, int(index)) for job, index in _TASK.findall(text)}
        ranks = [rank for rank in range(self.size) if self.membership.task_of(rank) in tasks]
        own = self.membership.rank
        named = " and ".join(self.membership.named(rank) for rank in ranks if rank != own)
        if not named:
            return f"Another worker was lost: {one_line(Exception(text), 200)}."
        return f"{named[0].upper()}{named[1:]} was lost: it exited or stopped responding."


def _all_reduced(values: Any) -> Any:
    # tf.identity: TensorFlow refuses tensors that are arguments.
    return tf.distribute.get_replica_context().all_reduce("sum", tf.identity(values))
