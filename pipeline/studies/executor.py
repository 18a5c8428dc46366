"""The interface for running trials, and the executor that a study asks for."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, Task
from pipeline.studies.local_executor import LocalExecutor
from pipeline.studies.on_ray.opening import ray_executor
from pipeline.studies.reading import Study
from pipeline.studies.search.search import Proposal, Search
from pipeline.studies.trial import Trial
from pipeline.tasks.task import Score


class Executor(Protocol):
    """Runs trials."""

    def open_search(self, score: Score) -> Search:
        """Return the search of the study; ``score`` is that of the validation set.

        Raises:
            ConfigError: Optuna does not know a name or an argument.
            MissingExtra: the study needs Optuna, which is not installed.
        """

    def run(self, proposals: Iterable[Proposal]) -> Iterator[tuple[Proposal, Trial]]:
        """Run trials, and yield their results in the same order.

        A proposal is not taken before a trial can begin.

        Raises:
            RequestError: a trial is invalid.
            MachineError: the machine prevents the work.
        """


def open_executor(
    study: Study, workspace: Workspace, progress: Progress, task: Task
) -> AbstractContextManager[Executor]:
    """Return the executor that a study asks for; ``task`` shows how many trials are complete.

    Raises:
        PipelineError: see ``ray_executor``.
    """
    if study.settings.executor == "local":
        return nullcontext(LocalExecutor(study, workspace, progress, task))
    return ray_executor(study, workspace, progress, task)
