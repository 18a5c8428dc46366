"""How Ray Tune gets its trials, reports their results, and learns that it is to end."""

from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Self

import ray
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.search import Searcher

from pipeline.errors import sentence
from pipeline.studies.on_ray.worker import FINISHED, PROPOSAL, Finished
from pipeline.studies.search.search import Proposal

RETRIES = 2  # of a trial whose process ended
Submitted = tuple[Proposal, "Future[Finished]"]


class Crashed(Exception):
    """The process of a trial ended, and again each time that the trial was retried."""


class _Shared:
    """An object of this process that Tune has to use itself, although it copies and stores it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        del memo
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return object, ()  # Tune never reads what it stores


class Submissions(_Shared, Searcher):  # type: ignore[misc]
    """The trials that were submitted: Tune takes as many as can run at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = 1
        self.is_closed = False
        self.begun: dict[str, Future[Finished]] = {}
        self._waiting: SimpleQueue[Submitted | None] = SimpleQueue()

    def submit(self, proposal: Proposal) -> "Future[Finished]":
        """Add a trial; the future raises ``Crashed``, or the error that ended the run of Tune."""
        future: Future[Finished] = Future()
        self._waiting.put((proposal, future))
        return future

    def close(self) -> None:
        """Let Tune end."""
        self.is_closed = True
        self._waiting.put(None)

    def fail(self, error: Exception) -> None:
        """Give all trials that have not ended an error."""
        while not self._waiting.empty():
            submitted = self._waiting.get()
            if submitted:
                submitted[1].set_exception(error)
        for future in self.begun.values():
            future.set_exception(error)

    def suggest(self, trial_id: str) -> Any:
        """Return the configuration of the next trial, or None if there is none yet.

        While nothing runs, this waits for it: Tune itself would ask again only after a second.
        """
        if self.is_closed:
            return Searcher.FINISHED
        if len(self.begun) >= self.limit:
            return None
        try:
            submitted = self._waiting.get(block=not self.begun)
        except Empty:
            return None
        if submitted is None:
            return Searcher.FINISHED
        self.begun[trial_id] = submitted[1]
        return {PROPOSAL: submitted[0]}

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the workspace has all that a study continues from."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Do nothing: see ``Results``."""


class Results(_Shared, tune.Callback):  # type: ignore[misc]
    """Hands results to those who wait for them."""

    def __init__(self, submissions: Submissions) -> None:
        self._submissions = submissions
        self._actors: dict[str, Any] = {}

    def kill_running(self) -> None:
        """End the processes that run trials now."""
        for actor in list(self._actors.values()):
            ray.kill(actor)

    def on_trial_start(self, *, trial: Any, **_: Any) -> None:
        """Remember the process of a trial."""
        self._actors[trial.trial_id] = trial.temporary_state.ray_actor

    def on_trial_result(self, *, trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Take the result of a trial away from Tune, which would keep it."""
        del self._actors[trial.trial_id]
        self._submissions.begun.pop(trial.trial_id).set_result(result.pop(FINISHED))

    def on_trial_error(self, *, trial: Any, **_: Any) -> None:
        """Report a trial that crashed too often."""
        self._actors.pop(trial.trial_id, None)
        error = Crashed(_reason(trial.get_pickled_error()))
        self._submissions.begun.pop(trial.trial_id).set_exception(error)


def _reason(error: BaseException | None) -> str:
    if isinstance(error, RayTaskError):
        cause = error.cause
        what = f"the trial failed with {type(cause).__name__}: {sentence(cause)}"
    else:
        what = "the process of the trial ended unexpectedly, as it does when memory runs out."
    return f"In each of {RETRIES + 1} attempts, {what}"


class UntilClosed(_Shared, tune.Stopper):  # type: ignore[misc]
    """Ends the run of Tune once no trials are submitted any more."""

    def __init__(self, submissions: Submissions) -> None:
        self._submissions = submissions

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Let each trial end by itself."""
        del trial_id, result
        return False

    def stop_all(self) -> bool:
        """Return whether to end."""
        return self._submissions.is_closed
