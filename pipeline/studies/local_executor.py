"""Run trials in this process, one after another, so that they share compiled programs."""

from collections.abc import Iterable, Iterator

from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, Task
from pipeline.studies.reading import Study
from pipeline.studies.search.opening import open_search
from pipeline.studies.search.search import Proposal, Search
from pipeline.studies.trial import Trial
from pipeline.studies.trial_runs import run_trial
from pipeline.tasks.task import Score


class LocalExecutor:
    """Runs trials in this process, one after another."""

    def __init__(self, study: Study, workspace: Workspace, progress: Progress, task: Task) -> None:
        """``task`` shows how many trials are complete."""
        self._study, self._workspace, self._progress = study, workspace, progress
        self._task, self._completed = task, 0

    def open_search(self, score: Score) -> Search:
        """Return the search of the study."""
        return open_search(self._study, score)

    def run(self, proposals: Iterable[Proposal]) -> Iterator[tuple[Proposal, Trial]]:
        """Run trials, and yield their results in the same order."""
        for proposal in proposals:
            begun = _TrialTask(self._task, self._completed)
            trial = run_trial(self._study, proposal, self._workspace, self._progress, begun)
            self._completed += 1
            self._task.update(self._completed)
            yield proposal, trial


class _TrialTask:
    """The share of one trial in the progress of the study."""

    def __init__(self, task: Task, completed: int) -> None:
        self._task, self._completed = task, completed

    def update(self, completed: float, detail: str = "") -> None:
        self._task.update(self._completed + completed, f"trial {self._completed + 1}  {detail}")
