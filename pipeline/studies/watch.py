"""Ask the pruner after each epoch of a trial, and show how far the trial is."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.artifacts.history import Logs
from pipeline.progress import TRAINING, Progress, Task, TrainingCost, Unit
from pipeline.studies.search.search import Proposal


class TrialPruned(Exception):
    """The pruner stops the training."""


class Watch(Progress):
    """The progress of one trial: its epochs are steps of ``task``, the progress of the study.

    ``score`` is the name of the value in the logs that the pruner compares.
    """

    def __init__(self, proposal: Proposal, score: str, progress: Progress, task: Task) -> None:
        self._proposal, self._score = proposal, score
        self._progress, self._task = progress, task
        self.history: list[Logs] = []
        self.costs: list[TrainingCost] = []

    def notice(self, text: str) -> None:
        """Show a message that the user must not miss."""
        self._progress.notice(text)

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Show nothing: a study has hundreds of stages."""

    def epoch_finished(self, epoch: int, logs: Logs, cost: TrainingCost) -> None:
        """Ask the pruner after an epoch, counted from 1.

        Raises:
            TrialPruned: the training is to be stopped.
        """
        self.history[epoch - 1 :], self.costs[epoch - 1 :] = [logs], [cost]
        if self._proposal.should_prune(epoch, logs[self._score]):
            raise TrialPruned(f"stopped by the pruner after epoch {epoch}")

    @contextmanager
    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> Iterator[Task]:
        """Show the training within the progress of the study, and nothing else."""
        del unit
        yield _Share(self._task, total if description == TRAINING else None)


class _Share:
    """Progress within the current trial."""

    def __init__(self, task: Task, total: float | None) -> None:
        self._task, self._total = task, total

    def update(self, completed: float, detail: str = "") -> None:
        if self._total:
            epoch = min(int(completed) + 1, int(self._total))
            self._task.update(completed / self._total, f"epoch {epoch}/{self._total:.0f}  {detail}")
