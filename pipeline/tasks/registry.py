"""The registry of tasks: one for each module of this folder that declares a ``TASK``."""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.tasks.task import Task


def module_of(name: str) -> str:
    """Return the name of a task's module."""
    return f"{__package__}.{name}"


@cache
def all_tasks() -> dict[str, Task]:
    """Return all tasks by name."""
    modules = (
        import_module(module_of(info.name))
        for info in pkgutil.iter_modules([str(Path(__file__).parent)])
    )
    declared = (getattr(module, "TASK", None) for module in modules)
    return {task.name: task for task in declared if isinstance(task, Task)}


def task_named(name: str) -> Task:
    """Return a task by its name.

    Raises:
        RequestError: the task is unknown.
    """
    if name not in all_tasks():
        raise RequestError(
            f"Unknown task {name!r:.60}. Choose from {', '.join(all_tasks())}. A newer version of "
            "dense-pipeline may have it."
        )
    return all_tasks()[name]


def output_names() -> frozenset[str]:
    """Return the names of model outputs of all tasks."""
    return frozenset(task.output(1).name for task in all_tasks().values())
