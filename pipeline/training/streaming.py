"""Stream shards from the files of a split, for data sets larger than the memory limit."""

import math
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from pipeline.config.key_errors import InvalidValue
from pipeline.training.arrays import new_buffer, read_rows, tensor_of
from pipeline.training.feed import Feed, InMemoryFeed, Shard

if TYPE_CHECKING:
    from pipeline.artifacts.data_set import Split

_BLOCK_BYTES = 2**18  # per read: large enough for disks, small enough to shuffle well
_COPIES = 2  # of a shard: the one in use and the one being read


class StreamingFeed(Feed):
    """Shards read from the files of a split; the next is read while the current one trains.

    An epoch reads the blocks of the file in random order. A shard has the images of consecutive
    blocks in random order, so images are shuffled across the file and within a shard.
    """

    def __init__(self, split: "Split", *, batch_size: int, seed: int, max_bytes: int) -> None:
        """Divide a split so that all copies of shards fit into ``max_bytes``.

        Raises:
            InvalidValue: ``max_bytes`` is too small for one batch.
        """
        self._split, self._shape = split, split.images.shape[1:]
        labels = split.labels.dtype
        row_bytes = math.prod(self._shape) + labels.itemsize
        shard_steps = max_bytes // (_COPIES * row_bytes * batch_size)
        if shard_steps == 0:
            raise _too_small(max_bytes, batch_size, _COPIES * row_bytes * batch_size)
        super().__init__(split, batch_size=batch_size, seed=seed, shard_steps=shard_steps)
        self._block_rows = max(1, _BLOCK_BYTES // row_bytes)
        rows = self.shard_steps * batch_size
        self._buffers = [
            (new_buffer((rows, *self._shape), np.uint8), new_buffer((rows,), labels.type))
            for _ in range(_COPIES)
        ]

    def shards(self, epoch: int, first: int) -> Generator[Shard]:
        """Yield the shards from ``first`` on; each is read while the previous one is in use."""
        with ThreadPoolExecutor(1, thread_name_prefix="shards") as reader:
            pending = reader.submit(self._read, epoch, first)
            for number in range(first, self.num_shards):
                shard = pending.result()
                if number + 1 < self.num_shards:
                    pending = reader.submit(self._read, epoch, number + 1)
                yield shard

    def _read(self, epoch: int, number: int) -> Shard:
        """Read a shard into the buffers of the one before the last, which is no longer in use."""
        rows = self.shard_steps * self.batch_size
        begin, end = number * rows, min((number + 1) * rows, self.num_images)
        images, labels = self._buffers[number % _COPIES]
        ranges = self._ranges(epoch, begin, end)
        filled = read_rows(self._split.images, ranges, images)
        read_rows(self._split.labels, ranges, labels)
        order = self._order(filled, self.seed, epoch, number)
        steps = -(-filled // self.batch_size)
        first = self._first_step(epoch, number)
        shard = tensor_of(images), tensor_of(labels), order
        return Shard(*shard, filled, steps, self.seed, first)

    def _ranges(self, epoch: int, begin: int, end: int) -> list[tuple[int, int]]:
        """Return the rows of the file that are at ``begin``..``end`` of the epoch's order."""
        num_blocks = -(-self.num_images // self._block_rows)
        lows = np.random.default_rng((self.seed, epoch)).permutation(num_blocks) * self._block_rows
        highs = np.minimum(lows + self._block_rows, self.num_images)
        ends = np.cumsum(highs - lows)
        begins = ends - (highs - lows)
        lows = lows + np.maximum(begin - begins, 0)
        highs = highs - np.maximum(ends - end, 0)
        return [(int(low), int(high)) for low, high in zip(lows, highs, strict=True) if low < high]


def open_feed(split: "Split", *, batch_size: int, seed: int, memory_mb: int | None) -> Feed:
    """Return a feed in memory if the whole split fits into ``memory_mb``, else a streamed one.

    Raises:
        InvalidValue: the memory limit, or the memory of the machine, is too small.
    """
    if memory_mb is None or split.images.nbytes + split.labels.nbytes <= memory_mb * 10**6:
        return InMemoryFeed(split, batch_size=batch_size, seed=seed)
    return StreamingFeed(split, batch_size=batch_size, seed=seed, max_bytes=memory_mb * 10**6)


def _too_small(max_bytes: int, batch_size: int, needed: int) -> InvalidValue:
    return InvalidValue(
        "train.memory_mb",
        f"The memory for images must be at least {math.ceil(needed / 10**6):,} MB, for {_COPIES} "
        f"shards of one batch of {batch_size:,} images; got {max_bytes // 10**6:,}",
        "Increase it, or choose a smaller train.batch_size.",
    )
