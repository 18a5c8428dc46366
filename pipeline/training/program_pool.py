"""Reuse compiled programs for further trainings of the same kind in the same process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import keras

from pipeline.tasks.task import Task
from pipeline.training.compiled_program import Program

_MAX_IDLE = 4  # compiled programs cached for further runs; each holds weights


@contextmanager
def compiled(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    *,
    task: Task,
    batch_size: int,
    reusable: bool = True,
) -> Iterator[Program]:
    """Yield a program that starts from the values of this model and this optimizer.

    A program that was compiled earlier in this process for an equivalent model and optimizer is
    reused with its own model and optimizer, set to the given values. ``reusable`` must be false if
    callbacks may change the model or the optimizer.
    """
    optimizer.build(model.trainable_variables)
    key = _description(model, optimizer, task, batch_size)
    program = _idle.pop(key, None)  # in use until it is put back
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
    """Describe the fixed parts of a program; a constant learning rate is a variable instead."""
    fixed = optimizer.get_config()
    del fixed["name"]  # Keras numbers the names
    if not isinstance(fixed["learning_rate"], dict):
        del fixed["learning_rate"]
    of_task = [task.name, task.output_name, task.loss_name]
    described = [model.get_config(), type(optimizer).__name__, fixed, of_task, batch_size]
    return json.dumps(described, sort_keys=True, default=str)
