"""The columns of a worker: its positions in every batch, if several workers share it."""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class Columns:
    """The positions ``rank``, ``rank + workers``, ... of batches of ``batch_size`` rows.

    Neighbors belong to different workers, so a batch that is not full is divided evenly too.
    """

    batch_size: int
    rank: int = 0
    workers: int = 1

    @property
    def count(self) -> int:
        """The number of columns, the same for all workers: some may lie beyond the batch."""
        return -(-self.batch_size // self.workers)

    def positions(self) -> Any:
        """Return the positions int32 (count,)."""
        return self.rank + self.workers * tf.range(self.count)

    def of(self, rows: Any) -> Any:
        """Return this worker's rows (count, ...) of a whole batch; those beyond it are zeros."""
        if self.workers == 1:
            return rows
        beyond = self.count * self.workers - self.batch_size
        padded = tf.pad(rows, [[0, beyond], *[[0, 0]] * (len(rows.shape) - 1)])
        return padded[self.rank :: self.workers]

    def below(self, position: int) -> int:
        """Return how many of the columns are before a position of the batch."""
        return max(0, -(-(position - self.rank) // self.workers))
