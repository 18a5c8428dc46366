"""Small training runs for tests, with 500 real digits and 16 hidden units."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.artifacts.data_set import Split
from pipeline.config.schema import Model
from pipeline.config.training_schema import Optimizer
from pipeline.models.dense import build_model
from pipeline.models.optimizers import build_method, build_optimizer
from pipeline.progress import Silent
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Task
from pipeline.training.callback_list import CallbackList
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.compiled_program import EpochState, Program
from pipeline.training.feed import Feed, InMemoryFeed
from pipeline.training.fit import Fit, Trainer
from pipeline.training.full_gradient.evaluation_log import EvaluationLog
from pipeline.training.full_gradient.loss import Evaluation, Vector
from pipeline.training.full_gradient.minimizing import Minimization
from pipeline.training.loop import Loop
from pipeline.training.program_pool import compiled, compiled_gradient

NOWHERE = Path("/nowhere/to/be/found")
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


def weights(trainer: Trainer) -> list[np.ndarray]:
    return [np.array(w) for w in trainer.program.model.get_weights()]


def silent(_state: EpochState) -> None:
    pass


def epoch_order(loop: Loop, epoch: int = 0) -> np.ndarray:
    """Return the rows of the images of an epoch, in training order."""
    orders = [s.order.numpy()[: s.num_images] for s in loop.feed.shards(epoch, 0)]
    return np.concatenate(orders)


def loop_of(fit: Fit) -> Loop:
    assert isinstance(fit.trainer, Loop)
    return fit.trainer


def new_minimization(
    digits: Split,
    optimizer: Optimizer,
    *,
    log: Path | None = None,
    task: Task = MULTICLASS,
    **settings: Any,
) -> Minimization:
    """Return a minimization that starts from new weights; it shares its program, as loops do."""
    model = new_model(task=task, **settings)
    with compiled_gradient(model, task=task) as program:
        sizes = {"num_metrics": program.num_metrics, "num_weights": program.weights.size}
        recorded = _NoLog(NOWHERE, **sizes) if log is None else EvaluationLog(log, **sizes)
        feed = InMemoryFeed(digits, batch_size=len(digits), seed=0)
        return Minimization(program, feed, build_method(optimizer), recorded)


class _NoLog(EvaluationLog):
    """A log that records nothing."""

    def find(self, weights: Vector) -> None:
        del weights

    def append(self, weights: Vector, evaluation: Evaluation) -> None:
        del weights, evaluation


def new_fit(
    trainer: Trainer,
    digits: Split,
    *callbacks: keras.callbacks.Callback,
    epochs: int,
    task: Task = MULTICLASS,
) -> Fit:
    """Return a fit that is never saved: the path of its checkpoint does not exist."""
    program = trainer.program
    listed = CallbackList(callbacks, program.model, epochs=epochs, steps=trainer.feed.num_steps)
    validate = partial(program.evaluate, digits)
    return Fit(trainer, validate, task, listed, Checkpoint(NOWHERE), epochs, Silent())
