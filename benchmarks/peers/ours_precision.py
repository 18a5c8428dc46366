"""This project with one precision and compiler: seconds per epoch and test accuracy."""

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

EPOCHS = 4


def main() -> None:
    """``FOLDER CASE``: print the seconds of each epoch and the final test accuracy."""
    folder, case = Path(sys.argv[1]), json.loads(sys.argv[2])
    train, test = (
        Split(*(np.load(folder / f"{prefix}{name}.npy") for name in ("images", "labels")))
        for prefix in ("", "test_")
    )
    keras.utils.set_random_seed(0)
    model = build_model(
        Model(hidden=tuple(case["hidden"])),
        image_shape=(28, 28, 1),
        num_classes=10,
        task=MULTICLASS,
        precision=case["precision"],
    )
    optimizer = build_optimizer(Optimizer(name="adam", learning_rate=0.001), total_steps=1)
    feed = InMemoryFeed(train, batch_size=case["batch_size"], seed=0)
    settings = Train(precision=case["precision"], compiler=case["compiler"])
    seconds = []
    with compiled(model, optimizer, task=MULTICLASS, batch_size=feed.batch_size) as program:
        compile_program(program, feed, settings, Silent())
        loop = Loop(program, feed)
        for epoch in range(EPOCHS):
            started = time.perf_counter()
            loop.run_epoch(epoch, lambda _state: None)
            seconds.append(time.perf_counter() - started)
        accuracy = program.evaluate(test).metrics["accuracy"]
    print(json.dumps({"seconds": seconds, "accuracy": accuracy}))


if __name__ == "__main__":
    main()
