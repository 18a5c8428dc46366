"""The progress of a committee: the epochs of all members, counted as those of one training."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pipeline.progress import TRAINING, Progress, Task, Training, TrainingCost, Unit
from pipeline.training.members import Member, joint_history


class MemberProgress(Progress):
    """Reports the trainings of the members of a committee as one."""

    def __init__(self, progress: Progress, members: int) -> None:
        """Report to ``progress``; ``begin_member`` comes before each training."""
        self._progress, self._members = progress, members
        self._training: Training | None = None
        self.reports_steps = progress.reports_steps

    def begin_member(self, complete: Sequence[Member]) -> None:
        """Count epochs, steps and costs from those of the members that are complete."""
        self._history, self._costs = joint_history(complete)
        self._cost = self._costs[-1] if self._costs else TrainingCost()
        self._steps = sum(len(m.history) * m.steps_per_epoch for m in complete)
        self._number = len(complete) + 1

    def notice(self, text: str) -> None:
        """Show a message with the number of the member."""
        self._progress.notice(f"Member {self._number} of {self._members}: {text}")

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Report a stage that ran or was up to date."""
        self._progress.stage_finished(name, status, seconds, detail)

    @contextmanager
    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> Iterator[Task]:
        """Show work in progress; that of the training is that of all members."""
        if description != TRAINING or total is None:
            with self._progress.task(description, total, unit=unit) as task:
                yield task
            return
        epochs = self._members * total
        with self._progress.task(description, epochs, unit=unit) as task:
            yield _AfterOthers(task, len(self._history))

    def training_began(self, training: Training) -> None:
        """Report the training of all members once, with the epochs of those that are complete."""
        is_first, self._training = self._training is None, training
        if not is_first:
            return
        self._progress.training_began(
            replace(
                training,
                epochs=self._members * training.epochs,
                epoch=len(self._history) + training.epoch,
                weights=self._weights,
                learning_rate=self._learning_rate,
            )
        )
        for number, logs in enumerate(self._history, 1):
            self._progress.epoch_finished(number, dict(logs), self._costs[number - 1])

    def steps_finished(self, step: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Report the latest steps, counted after those of earlier members."""
        self._progress.steps_finished(self._steps + step, logs, self._cost + cost)

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Report an epoch, counted after those of earlier members."""
        self._progress.epoch_finished(len(self._history) + epoch, logs, self._cost + cost)

    def _weights(self) -> Mapping[str, Any]:
        """Return the present weights of the member that is trained now."""
        return self._training.weights() if self._training else {}

    def _learning_rate(self) -> float | None:
        return self._training.learning_rate() if self._training else None


class _AfterOthers(Task):
    """A task that begins after the epochs of other members."""

    def __init__(self, task: Task, before: int) -> None:
        self._task, self._before = task, before

    def update(self, completed: float, detail: str = "") -> None:
        """Report how much of all members is completed."""
        self._task.update(self._before + completed, detail)
