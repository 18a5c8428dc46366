"""Small training runs for tests, with 500 real digits and 16 hidden units."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.artifacts.data_set import Split
from pipeline.config.schema import Model, Optimizer
from pipeline.models.dense import build_model
from pipeline.models.optimizers import build_optimizer
from pipeline.progress import Silent
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Task
from pipeline.training.callback_list import CallbackList
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.compiled_program import EpochState, Program
from pipeline.training.feed import Feed, InMemoryFeed
from pipeline.training.fit import Fit
from pipeline.training.loop import Loop
from pipeline.training.program_pool import compiled

SHAPE = (28, 28, 1)
MULTICLASS = task_named("multiclass")


def new_model(
    seed: int = 0, precision: str = "float32", task: Task = MULTICLASS, **settings: Any
) -> keras.Model:
    keras.utils.set_random_seed(seed)
    config = Model(**{"hidden": (16,), **settings})
    return build_model(config, image_shape=SHAPE, num_classes=10, task=task, precision=precision)


def new_loop(
    digits: Split,
    *,
    batch_size: int,
    seed: int = 0,
    optimizer: Optimizer | None = None,
    feed: Feed | None = None,
    fresh: bool = False,
    task: Task = MULTICLASS,
    **settings: Any,
) -> Loop:
    """Return a loop that starts from new weights, whatever was trained before.

    Compiling takes most of the time of a small training, so loops of the same kind share a compiled
    program, as trainings in the same process do: use only the newest of them. A ``fresh`` loop has
    a program of its own.
    """
    model = new_model(seed, task=task, **settings)
    built = build_optimizer(optimizer or Optimizer(name="sgd", learning_rate=0.1), total_steps=100)
    program = (_new_program if fresh else _shared_program)(model, built, task, batch_size)
    return Loop(program, feed or InMemoryFeed(digits, batch_size=batch_size, seed=seed))


def _new_program(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, task: Task, batch_size: int
) -> Program:
    optimizer.build(model.trainable_variables)
    return Program(model, optimizer, task=task, batch_size=batch_size)


def _shared_program(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, task: Task, batch_size: int
) -> Program:
    with compiled(model, optimizer, task=task, batch_size=batch_size) as program:
        return program


def weights(loop: Loop) -> list[np.ndarray]:
    return [np.array(w) for w in loop.program.model.get_weights()]


def silent(_state: EpochState) -> None:
    pass


def epoch_order(loop: Loop, epoch: int = 0) -> np.ndarray:
    """Return the rows of the images of an epoch, in training order."""
    orders = [s.order.numpy()[: s.num_images] for s in loop.feed.shards(epoch, 0)]
    return np.concatenate(orders)


def new_fit(
    loop: Loop,
    digits: Split,
    *callbacks: keras.callbacks.Callback,
    epochs: int,
    task: Task = MULTICLASS,
) -> Fit:
    """Return a fit that is never saved: the path of its checkpoint does not exist."""
    program = loop.program
    listed = CallbackList(callbacks, program.model, epochs=epochs, steps=loop.feed.num_steps)
    nowhere = Checkpoint(Path("/nowhere/to/be/found"))
    validate = partial(program.evaluate, digits)
    return Fit(loop, validate, task, listed, nowhere, epochs, Silent())
