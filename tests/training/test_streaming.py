"""Streaming of data sets larger than the memory limit: completeness, shuffling and memory use."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.data_set import Split, split_file, write_array
from pipeline.config.training_schema import Optimizer
from pipeline.errors import ConfigError, DataFileError
from pipeline.training import feed as feed_module
from pipeline.training.feed import InMemoryFeed
from pipeline.training.streaming import StreamingFeed, open_feed
from tests.support.paths import PROJECT
from tests.support.small_training import new_loop, silent, weights

pytestmark = pytest.mark.tensorflow

NUM_IMAGES = 10_007  # prime: no block, batch or shard size divides it
ROW_BYTES = 784 + 8


def write_split(folder: Path, num_images: int) -> Split:
    """Random bytes; the first four of each image are its number."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (num_images, 28, 28, 1), np.uint8)
    images.reshape(num_images, -1)[:, :4] = np.arange(num_images, dtype="<u4")[:, None].view(
        np.uint8
    )
    labels = np.arange(num_images, dtype=np.int64) % 10
    arrays = {"images": images, "labels": labels}
    for name, array in arrays.items():
        write_array(folder / split_file("train", name), [array], array.shape, array.dtype.type)
    opened = {w: np.load(folder / split_file("train", w), mmap_mode="r") for w in arrays}
    return Split(**opened)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return write_split(tmp_path_factory.mktemp("shards"), NUM_IMAGES)


def streamed(split: Split, *, shards: int, batch_size: int = 32, seed: int = 0) -> StreamingFeed:
    wanted = 2 * ROW_BYTES * batch_size * -(-len(split) // (batch_size * shards))
    return StreamingFeed(split, batch_size=batch_size, seed=seed, max_bytes=wanted)


def visited(feed: StreamingFeed, epoch: int, first: int = 0) -> list[np.ndarray]:
    """The images of each shard in the order of training."""
    found = []
    for shard in feed.shards(epoch, first):
        rows = shard.images.numpy().reshape(-1, 784)[:, :4].copy().view("<u4")[:, 0]
        labels = shard.labels.numpy()
        order = shard.order.numpy()[: shard.num_images]
        assert np.array_equal(rows[order] % 10, labels[order]), "labels stay with their images"
        assert shard.num_steps == -(-shard.num_images // feed.batch_size)
        found.append(rows[order])
    return found


@pytest.mark.parametrize(
    ("shards", "batch_size"), [(2, 32), (7, 32), (40, 1), (1, 10_007), (5, 999)]
)
def test_epoch_has_every_image_once(split: Split, shards: int, batch_size: int) -> None:
    feed = streamed(split, shards=shards, batch_size=batch_size)
    parts = visited(feed, epoch=0)
    assert len(parts) == feed.num_shards >= shards - 1
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(NUM_IMAGES))
    assert sum(-(-len(part) // batch_size) for part in parts) == feed.num_steps


def test_order_depends_only_on_seed_and_epoch(split: Split) -> None:
    feed, again = streamed(split, shards=5), streamed(split, shards=5)
    other = streamed(split, shards=5, seed=1)
    first = np.concatenate(visited(feed, 0))
    assert np.array_equal(first, np.concatenate(visited(again, 0)))
    for different in (visited(feed, 1), visited(other, 0)):
        assert np.mean(np.concatenate(different) == first) < 0.01


def test_epoch_can_start_at_any_shard(split: Split) -> None:
    feed = streamed(split, shards=5)
    whole = visited(feed, 3)
    for first in range(feed.num_shards):
        rest = visited(feed, 3, first)
        assert all(map(np.array_equal, rest, whole[first:]))


def test_images_are_shuffled_across_the_file_and_within_a_shard(split: Split) -> None:
    """A shard spans the file, and neighbors in the file are not neighbors in the shard."""
    for part in visited(streamed(split, shards=4), 0):
        spread = part.std() / np.arange(NUM_IMAGES).std()
        assert spread > 0.5, "a shard is not a contiguous part of the file"
        steps = np.abs(np.diff(part.astype(np.int64)))
        assert np.mean(steps == 1) < 0.01
        assert np.abs(np.corrcoef(part[:-1], part[1:])[0, 1]) < 0.1


def test_small_data_set_is_not_streamed(split: Split) -> None:
    size_mb = -(-ROW_BYTES * NUM_IMAGES // 10**6)
    kinds = {None: InMemoryFeed, size_mb: InMemoryFeed, size_mb - 1: StreamingFeed}
    for memory_mb, kind in kinds.items():
        feed = open_feed(split, batch_size=32, seed=0, memory_mb=memory_mb)
        assert type(feed) is kind


def test_streamed_and_resident_training_have_similar_losses(split: Split) -> None:
    """The order of the images differs, so losses are close but not equal."""
    adam = Optimizer(name="adam", learning_rate=0.001)
    feeds = [streamed(split, shards=6), InMemoryFeed(split, batch_size=32, seed=0)]
    losses = []
    for feed in feeds:
        loop = new_loop(split, batch_size=32, feed=feed, optimizer=adam)
        losses.append([loop.run_epoch(epoch, silent).loss for epoch in range(2)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.05)


def test_streamed_training_is_deterministic(split: Split) -> None:
    found = []
    for _ in range(2):
        loop = new_loop(split, batch_size=32, feed=streamed(split, shards=6), dropout=0.2)
        loop.run_epoch(0, silent)
        found.append(weights(loop))
    assert all(map(np.array_equal, found[0], found[1]))


def test_memory_smaller_than_a_batch_is_rejected(split: Split) -> None:
    with pytest.raises(ConfigError, match=r"at least 2 MB, for 2 shards .* 1,000 images; got 1 "):
        open_feed(split, batch_size=1000, seed=0, memory_mb=1)


def test_file_truncated_while_reading_is_named(tmp_path: Path) -> None:
    cut = write_split(tmp_path, 2000)
    feed = streamed(cut, shards=4)
    with (tmp_path / split_file("train", "images")).open("r+b") as file:
        file.truncate(1000 * 784)
    with pytest.raises(DataFileError, match=r"train_images.npy must have 2,000 rows; got fewer"):
        list(feed.shards(0, 0))


def test_data_larger_than_half_the_memory_is_rejected(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "memory_bytes", lambda: 10**7)
    with pytest.raises(
        ConfigError, match=r"half of the memory, 0.0 GB; .* Set train.memory_mb to stream"
    ):
        open_feed(split, batch_size=32, seed=0, memory_mb=None)


PEAK = """
import json, sys, threading, time
from pathlib import Path
import numpy as np
from tests.support.small_training import new_loop, silent
from pipeline.artifacts.data_set import Split
from pipeline.training.feed import InMemoryFeed
from pipeline.training.streaming import open_feed
from tests.support.processes import resident_bytes

folder, memory_mb = Path(sys.argv[1]), json.loads(sys.argv[2])
files = (folder / f"train_{name}.npy" for name in ("images", "labels"))
split = Split(*(np.load(file, mmap_mode="r") for file in files))
small = Split(np.array(split.images[:2000]), np.array(split.labels[:2000]))
loop = new_loop(small, batch_size=100)
loop.run_epoch(0, silent)
before, peak, compiled, done = resident_bytes(), 0, threading.Event(), threading.Event()

def watch():
    global peak
    compiled.wait()
    while True:  # measure once more at the end, however late this thread runs
        finished = done.wait(0.005)
        peak = max(peak, resident_bytes())
        if finished:
            break

watcher = threading.Thread(target=watch)
watcher.start()
feed = open_feed(split, batch_size=100, seed=0, memory_mb=memory_mb)
loop = new_loop(split, batch_size=100, feed=feed)
for epoch in range(2):
    loop.run_epoch(epoch, lambda _state: compiled.set())
done.set()
watcher.join()
print(json.dumps({"grown": peak - before, "shards": feed.num_shards}))
"""


def peak(folder: Path, memory_mb: int | None) -> dict[str, int]:
    command = [sys.executable, "-c", PEAK, str(folder), json.dumps(memory_mb)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_streaming_keeps_the_memory_limit(tmp_path: Path) -> None:
    """235 MB of images: within 50 MB if streamed, otherwise one copy in memory."""
    write_split(tmp_path, 300_000)
    bound, slack = 50, 30 * 10**6  # slack: one more compiled program
    found = peak(tmp_path, bound)
    assert found["shards"] > 8
    assert found["grown"] < bound * 10**6 + slack
    assert 235 * 10**6 < peak(tmp_path, None)["grown"] < 365 * 10**6
