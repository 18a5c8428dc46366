"""Where batches come from: the shards of an epoch, and the split that is one shard in memory."""

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
    """Images, uint8 (rows, height, width, channels), labels, int64 (rows,), and their order.

    ``order``, int32 (num_steps * batch_size,), lists the first ``num_images`` rows, each once, and
    then zeros: all shards of a feed have the same shapes, so one compiled program takes them all.
    """

    images: Any
    labels: Any
    order: Any
    num_images: int
    num_steps: int


class Feed(ABC):
    """The shards of an epoch; every image is in one of them, in an order from (seed, epoch)."""

    def __init__(self, split: "Split", *, batch_size: int, seed: int, shard_steps: int) -> None:
        """Divide a split; ``shard_steps`` batches are a shard."""
        self.num_images, self.batch_size, self.seed = len(split), batch_size, seed
        self.num_steps = -(-self.num_images // batch_size)
        self.shard_steps = min(shard_steps, self.num_steps)
        self.num_shards = -(-self.num_steps // self.shard_steps)

    @abstractmethod
    def shards(self, epoch: int, first: int) -> Generator[Shard]:
        """Yield the shards of an epoch from the one numbered ``first`` on."""

    def _order(self, num_images: int, *seed: int) -> Any:
        """Return a permutation, padded; it depends on the seed alone."""
        order = np.zeros(self.shard_steps * self.batch_size, np.int32)
        order[:num_images] = np.random.default_rng(seed).permutation(num_images)
        return tf.constant(order)


class Resident(Feed):
    """The whole split in memory, as bytes: one shard."""

    def __init__(self, split: "Split", *, batch_size: int, seed: int) -> None:
        """Copy the split into memory.

        Raises:
            ConfigError: it takes more than half of the machine's memory.
        """
        _check_size(split)
        super().__init__(split, batch_size=batch_size, seed=seed, shard_steps=2**62)
        self._images, self._labels = _in_memory(split.images), _in_memory(split.labels)

    def shards(self, epoch: int, first: int) -> Generator[Shard]:
        """Yield the one shard there is."""
        del first
        order = self._order(self.num_images, self.seed, epoch)
        yield Shard(self._images, self._labels, order, self.num_images, self.num_steps)


def _in_memory(source: npt.NDArray[Any]) -> Any:
    """Return a tensor of the whole array; one copy, where ``tf.constant`` takes three at times."""
    buffer = new_buffer(source.shape, source.dtype.type)
    starts = range(0, len(source), _READ_ROWS)
    read_rows(source, [(low, min(low + _READ_ROWS, len(source))) for low in starts], buffer)
    return tensor_of(buffer)


def _check_size(split: "Split") -> None:
    size, there = split.images.nbytes, memory_bytes()
    if size > there / 2:
        raise ConfigError(
            f"The training images must fit into half of the memory, {there / 2e9:,.1f} GB; got "
            f"{size / 1e9:,.1f} GB. Set train.memory_mb to less: they are then streamed."
        )
