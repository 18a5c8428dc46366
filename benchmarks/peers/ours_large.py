"""This project on millions of images: seconds per epoch and peak resident memory."""

import json
import resource
import sys
import time
from pathlib import Path

import keras
import numpy as np

from pipeline.artifacts.data_set import Split
from pipeline.config.schema import Model
from pipeline.config.training_schema import Optimizer
from pipeline.models.dense import build_model
from pipeline.models.optimizers import build_optimizer
from pipeline.tasks.registry import task_named
from pipeline.training.feed import Feed, InMemoryFeed
from pipeline.training.loop import Loop
from pipeline.training.program_pool import compiled
from pipeline.training.streaming import open_feed

MULTICLASS = task_named("multiclass")

BATCH_SIZE, EPOCHS, NUM_WARM_UP = 128, 2, 100_000


def main() -> None:
    """``FOLDER MEMORY_MB``: print seconds, peak memory, and the memory of the framework."""
    folder, memory_mb = Path(sys.argv[1]), json.loads(sys.argv[2])
    split = Split(
        *(np.load(folder / f"train_{w}.npy", mmap_mode="r") for w in ("images", "labels"))
    )
    warm = Split(np.array(split.images[:NUM_WARM_UP]), np.array(split.labels[:NUM_WARM_UP]))
    train(InMemoryFeed(warm, batch_size=BATCH_SIZE, seed=0), epochs=1)
    del warm
    framework, steady = peak_bytes(), resident_bytes()
    feed = open_feed(split, batch_size=BATCH_SIZE, seed=0, memory_mb=memory_mb)
    seconds, losses = train(feed, epochs=EPOCHS)
    found = {
        "seconds": seconds,
        "losses": losses,
        "shards": feed.num_shards,
        "framework_peak_bytes": framework,  # during compilation
        "framework_bytes": steady,
        "peak_bytes": peak_bytes(),
    }
    print(json.dumps(found))


def train(feed: Feed, *, epochs: int) -> tuple[list[float], list[float]]:
    """Return seconds and loss of each epoch for 784-128-10 with Adam."""
    keras.utils.set_random_seed(0)
    model = build_model(
        Model(hidden=(128,)), image_shape=(28, 28, 1), num_classes=10, task=MULTICLASS
    )
    optimizer = build_optimizer(Optimizer(name="adam", learning_rate=0.001), total_steps=1)
    seconds, losses = [], []
    with compiled(model, optimizer, task=MULTICLASS, batch_size=feed.batch_size) as program:
        loop = Loop(program, feed)
        for epoch in range(epochs):
            started = time.perf_counter()
            losses.append(loop.run_epoch(epoch, lambda _state: None).loss)
            seconds.append(time.perf_counter() - started)
    return seconds, losses


def peak_bytes() -> int:
    """Return the peak resident memory of this process; Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def resident_bytes() -> int:
    """Return the current resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
