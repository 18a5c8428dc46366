"""Compiled programs are used again: by further runs of like trainings in the same process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import keras

from pipeline.tasks.task import Task
from pipeline.training.compiled_program import Program

_MAX_IDLE = 4  # compiled programs that are kept for further runs; each holds weights


@contextmanager
def compiled(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    *,
    task: Task,
    batch_size: int,
    reusable: bool = True,
) -> Iterator[Program]:
    """Lend a program that starts from the values of this model and this optimiser.

    One that an earlier run of the process compiled for a like model and optimiser is used again,
    with its own model and optimiser, set to those values. Not ``reusable`` is one whose model or
    optimiser others may change: callbacks.
    """
    optimizer.build(model.trainable_variables)
    key = _description(model, optimizer, task, batch_size)
    program = _idle.pop(key, None)  # nobody else has it now
    if program is None:
        program = Program(model, optimizer, task=task, batch_size=batch_size)
    else:
        given = Program(model, optimizer, task=task, batch_size=batch_size).variables
        for variable, value in zip(program.variables, given, strict=True):
            variable.assign(value.value)
    try:
        yield program
    finally:
        if reusable:
            _idle[key] = program
        for old in list(_idle)[:-_MAX_IDLE]:
            _idle.pop(old, None)


_idle: dict[str, Program] = {}


def _description(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, task: Task, batch_size: int
) -> str:
    """Return all that is fixed in a program. A constant learning rate is not: it is a variable."""
    fixed = optimizer.get_config()
    del fixed["name"]  # Keras numbers them
    if not isinstance(fixed["learning_rate"], dict):
        del fixed["learning_rate"]
    described = [model.get_config(), type(optimizer).__name__, fixed, task.name, batch_size]
    return json.dumps(described, sort_keys=True, default=str)
