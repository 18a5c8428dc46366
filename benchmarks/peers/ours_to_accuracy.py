"""This project, from the start of the process to a given test accuracy."""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np

from pipeline.artifacts.data_set import Split
from pipeline.config.schema import Model
from pipeline.config.training_schema import Optimizer, Train
from pipeline.models.dense import build_model
from pipeline.models.optimizers import build_optimizer
from pipeline.progress import Silent
from pipeline.tasks.registry import task_named
from pipeline.training.compiling import compile_program
from pipeline.training.feed import InMemoryFeed
from pipeline.training.loop import Loop
from pipeline.training.program_pool import compiled

MULTICLASS = task_named("multiclass")
NAMES = ("images", "labels")


def main() -> None:
    """``FOLDER STARTED ACCURACY BATCH_SIZE``: print seconds since ``STARTED``, and epochs."""
    folder, started, wanted = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    train, test = (
        Split(*(np.load(folder / f"{prefix}{name}.npy", mmap_mode="r") for name in NAMES))
        for prefix in ("", "test_")
    )
    keras.utils.set_random_seed(0)
    model = build_model(
        Model(hidden=(512, 512)), image_shape=(28, 28, 1), num_classes=10, task=MULTICLASS
    )
    feed = InMemoryFeed(train, batch_size=int(sys.argv[4]), seed=0)
    optimizer = build_optimizer(Optimizer(name="adam", learning_rate=0.001), total_steps=1)
    with compiled(model, optimizer, task=MULTICLASS, batch_size=feed.batch_size) as program:
        loop, accuracy, epochs = Loop(program, feed), 0.0, 0
        compile_program(program, feed, Train(), Silent())
        while accuracy < wanted:
            loop.run_epoch(epochs, lambda _state: None)
            accuracy, epochs = program.evaluate(test).metrics["accuracy"], epochs + 1
    seconds = time.time() - started
    print(json.dumps({"seconds": seconds, "epochs": epochs, "accuracy": accuracy}))


if __name__ == "__main__":
    main()
