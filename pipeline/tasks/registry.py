"""The registry of tasks: one for each module of this folder that declares a ``TASK``."""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.key_errors import with_places
from pipeline.errors import RequestError
from pipeline.tasks.task import Task

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def module_of(name: str) -> str:
    """Return the name of a task's module."""
    return f"{__package__}.{name}"


@cache
def all_tasks() -> dict[str, type[Task]]:
    """Return the classes of all tasks by name."""
    modules = (
        import_module(module_of(info.name))
        for info in pkgutil.iter_modules([str(Path(__file__).parent)])
    )
    declared = (getattr(module, "TASK", None) for module in modules)
    return {task.name: task for task in declared if task is not None}


def task_named(name: str, output: str | None = None, loss: str | None = None) -> Task:
    """Return a task by its name, with an output and a loss of its own, or its defaults.

    Raises:
        RequestError: the task is unknown.
        InvalidValue: it does not have the output or the loss.
    """
    if name not in all_tasks():
        raise RequestError(
            f"Unknown task {name!r:.60}. Choose from {', '.join(all_tasks())}. A newer version of "
            "dense-pipeline may have it."
        )
    return all_tasks()[name](output, loss)


def task_of(config: "Config") -> Task:
    """Return the task of a configuration.

    Raises:
        ConfigError: the task does not have the configured output or loss.
    """
    with with_places(config):
        return task_named(config.task, config.model.output, config.train.loss)


def output_names() -> frozenset[str]:
    """Return the names of model outputs of all tasks."""
    return frozenset(task().output(1).name for task in all_tasks().values())
