"""Run the trials of a study until its budget is used up."""

from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, Task
from pipeline.studies.axes import num_points
from pipeline.studies.budget import is_used_up, within
from pipeline.studies.reading import Study
from pipeline.studies.schema import GRID
from pipeline.studies.search.opening import open_search
from pipeline.studies.search.search import Proposal
from pipeline.studies.trial import Trial
from pipeline.studies.trial_runs import run_trial
from pipeline.tasks.registry import task_of


class Executor(Protocol):
    """Runs trials."""

    def run(self, proposals: Sequence[Proposal]) -> Sequence[Trial]:
        """Return the results of the trials, in the same order."""


class LocalExecutor(Executor):
    """Runs trials in this process, one after another, so that they share compiled programs."""

    def __init__(self, study: Study, workspace: Workspace, progress: Progress, task: Task) -> None:
        """``task`` shows how many trials are complete."""
        self._study, self._workspace, self._progress = study, workspace, progress
        self._task, self._completed = task, 0

    def run(self, proposals: Sequence[Proposal]) -> Sequence[Trial]:
        """Return the results of the trials, in the same order."""
        return [self._run(proposal) for proposal in proposals]

    def _run(self, proposal: Proposal) -> Trial:
        begun = _TrialTask(self._task, self._completed)
        trial = run_trial(self._study, proposal, self._workspace, self._progress, begun)
        self._completed += 1
        self._task.update(self._completed)
        return trial


class _TrialTask:
    """The share of one trial in the progress of the study."""

    def __init__(self, task: Task, completed: int) -> None:
        self._task, self._completed = task, completed

    def update(self, completed: float, detail: str = "") -> None:
        self._task.update(self._completed + completed, f"trial {self._completed + 1}  {detail}")


def run_trials(study: Study, workspace: Workspace, progress: Progress) -> tuple[Trial, ...]:
    """Run the trials that are not stored; return the results of all, in the order proposed.

    Raises:
        RequestError: a trial is invalid.
        MachineError: the machine prevents the work.
    """
    settings = study.settings
    search = open_search(study, task_of(study.config_of({})).quality)
    trials: list[Trial] = []
    with progress.task(f"study {study.name}", total=_total(study)) as task:
        executor = LocalExecutor(study, workspace, progress, task)
        while not is_used_up(settings.budget, trials):
            proposed = iter(search.propose, None)
            proposals = list(islice(proposed, settings.search.parallel))
            if not proposals:
                break
            for proposal, trial in zip(proposals, executor.run(proposals), strict=True):
                search.tell(proposal, trial)
                trials.append(trial)
    return within(settings.budget, trials)


def _total(study: Study) -> int | None:
    """Return the largest number of trials, if it is known."""
    limit = study.settings.budget.trials
    if study.settings.search.name != GRID:
        return limit
    points = num_points(study.axes)
    return points if limit is None else min(limit, points)
