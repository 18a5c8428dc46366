"""A command that stops where a test wants it: ``python -m ... FOLDER IMAGES ARGUMENTS``.

Once so many images are predicted, it creates the file ``held`` in the folder, and waits for a line
of standard input. Its worker processes have no part to predict then, or finish their last one.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.progress import Task, Unit
from pipeline.terminal import console


class Held(console.TerminalProgress):
    """Waits in the report of so many images."""

    @contextmanager
    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> Iterator[Task]:
        with super().task(description, total, unit=unit) as task:
            yield HeldTask(task)


class HeldTask:
    def __init__(self, task: Task) -> None:
        self._task = task

    def update(self, completed: float, detail: str = "") -> None:
        self._task.update(completed, detail)
        if completed == float(sys.argv[2]):
            Path(sys.argv[1], "held").touch()
            sys.stdin.readline()


if __name__ == "__main__":
    from pipeline.cli import app

    console.TerminalProgress = Held  # type: ignore[misc]
    app(sys.argv[3:], prog_name="pipeline")
