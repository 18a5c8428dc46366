"""The default configuration: the cost of building, compiling and the first epoch."""

import json
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np

from pipeline.artifacts.data_set import Split
from pipeline.config import read
from pipeline.config.schema import Config
from pipeline.models.dense import build_model
from pipeline.models.optimizers import build_optimizer
from pipeline.progress import Silent
from pipeline.tasks.registry import task_named
from pipeline.training.compiling import compile_program
from pipeline.training.feed import InMemoryFeed
from pipeline.training.loop import Loop
from pipeline.training.program_pool import compiled

MULTICLASS = task_named("multiclass")

EPOCHS = 5
CONFIG = Path(__file__).parents[2] / "configs" / "mlp.yaml"


def main() -> None:
    """``FOLDER``: print the first-epoch overhead of a first and a second training."""
    folder, config = Path(sys.argv[1]), read(CONFIG, [])
    split = Split(*(np.load(folder / f"{name}.npy") for name in ("images", "labels")))
    found = [train(config, split, seed) for seed in (0, 1)]
    print(json.dumps(dict(zip(("first", "second"), found, strict=True))))


def train(config: Config, split: Split, seed: int) -> float:
    """Return the seconds until the end of the first epoch minus the median of later epochs."""
    started = time.perf_counter()
    ends = []
    keras.utils.set_random_seed(seed)
    model = build_model(config.model, image_shape=(28, 28, 1), num_classes=10, task=MULTICLASS)
    feed = InMemoryFeed(split, batch_size=int(config.train.batch_size), seed=seed)
    optimizer = build_optimizer(config.optimizer, total_steps=feed.num_steps * EPOCHS)
    with compiled(model, optimizer, task=MULTICLASS, batch_size=feed.batch_size) as program:
        compile_program(program, feed, config.train, Silent())
        loop = Loop(program, feed)
        for epoch in range(EPOCHS):
            loop.run_epoch(epoch, lambda _state: None)
            ends.append(time.perf_counter())
    first, *later = np.diff([started, *ends]).tolist()
    return float(first - statistics.median(later))


if __name__ == "__main__":
    main()
