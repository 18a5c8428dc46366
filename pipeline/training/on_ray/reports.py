"""The progress of worker 0, in a process of Ray between it and the one that shows it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import ray

from pipeline.progress import Progress, Task, Training, TrainingCost, Unit

Report = tuple[str, tuple[Any, ...]]  # the method of a progress, and its arguments


class Reports:
    """Keeps reports until they are taken; runs in a process of its own."""

    def __init__(self) -> None:
        self._kept: list[Report] = []

    def add(self, method: str, *arguments: Any) -> None:
        """Keep a report."""
        self._kept.append((method, arguments))

    def take(self) -> list[Report]:
        """Return the reports since the last call."""
        taken, self._kept = self._kept, []
        return taken


class Reporting(Progress):
    """A progress in worker 0."""

    reports_steps = True

    def __init__(self, reports: Any) -> None:
        """Report to an actor ``Reports``."""
        self._reports = reports

    def notice(self, text: str) -> None:
        """Report a message."""
        self._add("notice", text)

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Report a stage."""
        self._add("stage_finished", name, status, seconds, detail)

    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> AbstractContextManager[Task]:
        """Report work that begins and ends."""
        return self._task(description, total, unit)

    def training_began(self, training: Training) -> None:
        """Report a training; its weights are not available in the other process."""
        self._add("training_began", replace(training, weights=dict, learning_rate=_none))

    def steps_finished(self, step: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Report steps."""
        self._add("steps_finished", step, logs, cost)

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Report an epoch."""
        self._add("epoch_finished", epoch, logs, cost)

    def finished(self, result: Any) -> None:
        """Report the result of the training, and wait until it is kept."""
        ray.get(self._reports.add.remote(FINISHED, result))

    def _add(self, method: str, *arguments: Any) -> None:
        self._reports.add.remote(method, *arguments)

    @contextmanager
    def _task(self, description: str, total: float | None, unit: Unit | None) -> Iterator[Task]:
        self._add(BEGAN, description, total, unit)
        yield _Updates(self._reports)
        self._add(ENDED)


FINISHED, BEGAN, UPDATED, ENDED = "finished", "task began", "task updated", "task ended"


class _Updates(Task):
    def __init__(self, reports: Any) -> None:
        self._reports = reports

    def update(self, completed: float, detail: str = "") -> None:
        self._reports.add.remote(UPDATED, completed, detail)


def _none() -> None:
    return None
