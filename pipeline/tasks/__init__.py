"""What differs between tasks: multiclass classification, and those that later modules add.

``task.py`` is the interface; each task is one module, named as in the configuration, with a
constant ``TASK``. To add one, write its module and add its name to ``TaskName`` in
``pipeline/config/schema.py``.

A fingerprint covers the selected task alone, and not what only shows its answers to people
(``@presentation``). Keras and TensorFlow are imported inside functions: serving asks tasks too.
"""

import pkgutil
from functools import cache
from importlib import import_module

from pipeline.errors import RequestError
from pipeline.tasks.task import Task


def module_of(name: str) -> str:
    """Return the module of a task."""
    return f"{__name__}.{name}"


@cache
def all_tasks() -> dict[str, Task]:
    """Return every task by name: one for each module of this folder that declares one."""
    modules = (import_module(module_of(info.name)) for info in pkgutil.iter_modules(__path__))
    declared = (getattr(module, "TASK", None) for module in modules)
    return {task.name: task for task in declared if isinstance(task, Task)}


def task_named(name: str) -> Task:
    """Return a task by its name.

    Raises:
        RequestError: there is no such task.
    """
    if name not in all_tasks():
        raise RequestError(
            f"unknown task {name!r}; known tasks: {', '.join(all_tasks())}. A newer version of "
            "dense-pipeline may know it."
        )
    return all_tasks()[name]


def output_names() -> frozenset[str]:
    """Return what the outputs of models are called, whatever their task."""
    return frozenset(task.output(1).name for task in all_tasks().values())
