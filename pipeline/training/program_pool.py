"""Reuse compiled programs for further trainings of the same kind in the same process."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import keras

from pipeline.tasks.task import Task
from pipeline.training.augmentation import Augmentation
from pipeline.training.compiled_program import Program
from pipeline.training.full_gradient.loss import FullGradient
from pipeline.training.network_program import NetworkProgram

_MAX_IDLE = 4  # compiled programs cached for further runs; each holds weights

P = TypeVar("P", bound=NetworkProgram)


def compiled(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    *,
    task: Task,
    batch_size: int,
    augmentation: Augmentation | None = None,
    adversarial: float | None = None,
    reusable: bool = True,
) -> AbstractContextManager[Program]:
    """Yield a program that starts from the values of this model and this optimizer.

    A program that was compiled earlier in this process for an equivalent model and optimizer is
    reused with its own model and optimizer, set to the given values. ``reusable`` must be false if
    callbacks may change the model or the optimizer.
    """
    optimizer.build(model.trainable_variables)
    changes = augmentation.config.model_dump() if augmentation else None
    fixed = [*_fixed(model, task), *_fixed_of(optimizer), batch_size, changes, adversarial]
    return _pooled(
        lambda: Program(
            model,
            optimizer,
            task=task,
            batch_size=batch_size,
            augmentation=augmentation,
            adversarial=adversarial,
        ),
        ["mini-batches", *fixed],
        [*model.variables, *optimizer.variables],
        reusable,
    )


def compiled_gradient(
    model: keras.Model, *, task: Task, reusable: bool = True
) -> AbstractContextManager[FullGradient]:
    """Yield a program of the full gradient that starts from the values of this model.

    It may be one that was compiled earlier, as in ``compiled``.
    """
    fixed = ["full gradient", *_fixed(model, task)]
    return _pooled(lambda: FullGradient(model, task=task), fixed, model.variables, reusable)


_idle: dict[str, Any] = {}


@contextmanager
def _pooled(
    create: Callable[[], P], fixed: list[Any], variables: list[keras.Variable], reusable: bool
) -> Iterator[P]:
    """Yield an idle program of the same ``fixed`` parts, set to these values, or a new one."""
    key = json.dumps(fixed, sort_keys=True, default=str)
    found: P | None = _idle.pop(key, None)  # in use until it is put back
    if found is None:
        found = create()
    else:
        for variable, value in zip(found.variables, variables, strict=True):
            variable.assign(value.value)
    try:
        yield found
    finally:
        if reusable:
            _idle[key] = found
        for old in list(_idle)[:-_MAX_IDLE]:
            _idle.pop(old, None)


def _fixed(model: keras.Model, task: Task) -> list[Any]:
    return [model.get_config(), task.name, task.output_name, task.loss_name]


def _fixed_of(optimizer: keras.optimizers.Optimizer) -> list[Any]:
    """Return the fixed parts of an optimizer; a constant learning rate is a variable instead."""
    fixed = optimizer.get_config()
    del fixed["name"]  # Keras numbers the names
    if not isinstance(fixed["learning_rate"], dict):
        del fixed["learning_rate"]
    # Keras has no public way to ask what exclude_from_weight_decay was called with.
    excluded = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    return [type(optimizer).__name__, fixed, excluded.pattern if excluded else None]
