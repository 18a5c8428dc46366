"""Run trials on a Ray cluster, as many at a time as its nodes have processors for."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait

from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, Task
from pipeline.studies.on_ray.remote_search import RemoteSearch
from pipeline.studies.on_ray.tune_hooks import Crashed
from pipeline.studies.on_ray.tune_run import TuneRun
from pipeline.studies.on_ray.worker import Finished
from pipeline.studies.reading import Study
from pipeline.studies.search.opening import open_search
from pipeline.studies.search.search import Proposal, Search
from pipeline.studies.trial import Trial
from pipeline.studies.trial_runs import failed_trial
from pipeline.tasks.task import Score


class RayExecutor:
    """Runs trials in processes of Ray."""

    def __init__(
        self,
        study: Study,
        workspace: Workspace,
        progress: Progress,
        task: Task,
        run: TuneRun,
    ) -> None:
        """``task`` shows how many trials are complete."""
        self._study, self._workspace, self._progress = study, workspace, progress
        self._task, self._completed, self._run = task, 0, run

    def open_search(self, score: Score) -> Search:
        """Return the search; the workers can reach it if it has a pruner."""
        search = open_search(self._study, score)  # reports what is wrong with it
        return RemoteSearch(self._study, score) if self._study.settings.pruner else search

    def run(self, proposals: Iterable[Proposal]) -> Iterator[tuple[Proposal, Trial]]:
        """Run trials, and yield their results in the same order."""
        remaining, begun = iter(proposals), deque[tuple[Proposal, Future[Finished]]]()
        while True:
            running = [future for _, future in begun if not future.done()]
            while len(running) < self._run.places() and (proposal := next(remaining, None)):
                begun.append((proposal, self._run.submit(proposal)))
                running.append(begun[-1][1])
            self._task.update(self._completed, f"{len(running)} running")
            if not begun:
                return
            if not begun[0][1].done():
                wait(running, return_when=FIRST_COMPLETED)
            else:
                yield begun[0][0], self._result(*begun.popleft())

    def _result(self, proposal: Proposal, future: Future[Finished]) -> Trial:
        """Return the result of a trial that has ended.

        Raises:
            PipelineError: the error of the trial.
        """
        self._completed += 1
        try:
            finished = future.result()
        except Crashed as crash:
            return failed_trial(self._study, proposal, self._workspace, str(crash))
        for notice in finished.notices:
            self._progress.notice(notice)
        return finished.trial()
