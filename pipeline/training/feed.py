"""Feeds, which provide the shards of an epoch; ``InMemoryFeed`` holds a split in memory as one."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipeline.errors import ConfigError
from pipeline.system.resources import memory_bytes
from pipeline.training.arrays import new_buffer, read_rows, tensor_of

if TYPE_CHECKING:
    from pipeline.artifacts.data_set import Split

_READ_ROWS = 8192


@dataclass(frozen=True)
class Shard:
    """Images, uint8 (rows, height, width, channels), labels (rows,), and their order.

    ``order``, int32 (num_steps * batch_size,), lists each of the first ``num_images`` rows once,
    padded with zeros: all shards of a feed have the same shapes, so one compiled program fits all.
    ``seed`` is that of the training, and ``first_step`` the number of its steps before the shard.
    """

    images: Any
    labels: Any
    order: Any
    num_images: int
    num_steps: int
    seed: int
    first_step: int


class Feed(ABC):
    """The shards of an epoch: a partition of the images, in an order drawn from (seed, epoch)."""

    def __init__(self, split: "Split", *, batch_size: int, seed: int, shard_steps: int) -> None:
        """Divide a split into shards of ``shard_steps`` batches."""
        self.num_images, self.batch_size, self.seed = len(split), batch_size, seed
        self.num_steps = -(-self.num_images // batch_size)
        self.shard_steps = min(shard_steps, self.num_steps)
        self.num_shards = -(-self.num_steps // self.shard_steps)

    @abstractmethod
    def shards(self, epoch: int, first: int) -> Generator[Shard]:
        """Yield the shards of an epoch, starting at number ``first``."""

    def _first_step(self, epoch: int, number: int) -> int:
        return epoch * self.num_steps + number * self.shard_steps

    def _order(self, num_images: int, *seed: int) -> Any:
        """Return a padded permutation that depends on the seed only."""
        order = np.zeros(self.shard_steps * self.batch_size, np.int32)
        order[:num_images] = np.random.default_rng(seed).permutation(num_images)
        return tf.constant(order)


class InMemoryFeed(Feed):
    """A feed with a single shard: the whole split in memory, as bytes."""

    def __init__(self, split: "Split", *, batch_size: int, seed: int) -> None:
        """Copy the split into memory.

        Raises:
            ConfigError: the split takes more than half of the machine's memory.
        """
        _check_size(split)
        super().__init__(split, batch_size=batch_size, seed=seed, shard_steps=2**62)
        self._images, self._labels = _in_memory(split.images), _in_memory(split.labels)

    def shards(self, epoch: int, first: int) -> Generator[Shard]:
        """Yield the single shard."""
        del first
        order = self._order(self.num_images, self.seed, epoch)
        yield Shard(
            self._images,
            self._labels,
            order,
            self.num_images,
            self.num_steps,
            self.seed,
            self._first_step(epoch, 0),
        )


def _in_memory(source: npt.NDArray[Any]) -> Any:
    """Return a tensor of the array with one copy; ``tf.constant`` may take three."""
    buffer = new_buffer(source.shape, source.dtype.type)
    starts = range(0, len(source), _READ_ROWS)
    read_rows(source, [(low, min(low + _READ_ROWS, len(source))) for low in starts], buffer)
    return tensor_of(buffer)


def _check_size(split: "Split") -> None:
    size, total = split.images.nbytes, memory_bytes()
    if size > total / 2:
        raise ConfigError(
            f"The training images must fit into half of the memory, {total / 2e9:,.1f} GB; got "
            f"{size / 1e9:,.1f} GB. Set train.memory_mb to stream them from disk."
        )
