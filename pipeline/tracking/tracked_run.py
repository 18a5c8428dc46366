"""Tracking of one run: its epochs and results go to a journal, which another process sends."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from pipeline.artifacts.stage_facts import TrainFacts
from pipeline.config.schema import Config
from pipeline.config.tracking_uri import LOCAL
from pipeline.engine.records import record_id
from pipeline.engine.workspace import Workspace
from pipeline.errors import one_line
from pipeline.progress import Progress, Training, TrainingCost, TrainingListener
from pipeline.stages import plan_stages
from pipeline.tracking.events import Event, describe, end_event, missing
from pipeline.tracking.journal import Journal
from pipeline.tracking.results import description, epoch_event, results
from pipeline.tracking.sending import END_SECONDS, Sender, require_mlflow


@contextmanager
def tracking(
    config: Config, workspace: Workspace, progress: Progress
) -> Iterator[list[TrainingListener]]:
    """Track the run in this block, if it is configured, and yield what listens to its training.

    Raises:
        MissingExtra: the run is to be tracked, and the extra ``mlflow`` is not installed.
    """
    if config.track is None:
        yield []
        return
    require_mlflow("Tracking with MLflow (track.mlflow)")
    with closing(TrackedRun(config, config.track.mlflow, workspace, progress)) as run:
        try:
            yield [run]
        except Exception as error:
            run.end("FAILED", error)
            raise
        except BaseException:  # Ctrl-C: nothing is waited for
            run.append(end_event("KILLED"))
            raise
        run.end("FINISHED")


class TrackedRun(TrainingListener):
    """Appends to the journal of a run, and starts its sender; a failure to do so ends no run."""

    def __init__(self, config: Config, uri: str, workspace: Workspace, progress: Progress) -> None:
        self._config, self._uri = config, uri
        self._workspace, self._progress = workspace, progress
        self._journal: Journal | None = None
        self._sender: Sender | None = None
        self._problem = ""

    def training_began(self, training: Training) -> None:
        """Begin the journal."""
        self._attempt(lambda: self._begin(training.fingerprint))

    def steps_finished(self, step: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Track nothing: the metrics of steps are in the event files."""

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Track an epoch."""
        self.append(epoch_event(epoch, logs, cost))

    def end(self, status: str, error: Exception | None = None) -> None:
        """Track the results, wait for the sender, and tell what was not sent.

        ``error`` is the one that ended the run, and which the run reports itself.
        """
        self._attempt(lambda: self._append_results(status))
        if error is not None and self._problem == one_line(error):
            self._problem = ""  # the results cannot be found for the same reason
        self.append(end_event(status))
        in_time = True
        if self._sender:
            with self._progress.task(
                f"sending to MLflow at {self._place}, at most {END_SECONDS} s"
            ):
                in_time = self._sender.finish()
        if text := self._not_sent(in_time=in_time):
            self._progress.notice(text)

    def append(self, event: Event) -> None:
        """Track an event, if the journal has begun."""
        journal = self._journal
        if self._sender and journal:
            self._attempt(lambda: journal.append(event))

    def close(self) -> None:
        """End the sender at once; what it did not send stays in the journal."""
        if self._sender:
            self._sender.stop()

    def _begin(self, fingerprint: str) -> None:
        if self._sender is None:
            described = description(self._config, fingerprint, self._uri, self._workspace.root)
            self._journal = Journal.of(self._workspace.tracking, described["run"], self._uri)
            self._journal.append(described)
            self._sender = Sender(self._journal, self._workspace.root)

    def _append_results(self, status: str) -> None:
        planned = plan_stages(self._config, self._workspace)
        if planned and planned.output(TrainFacts):
            fingerprint = planned.fingerprints[TrainFacts.stage]
            run = record_id(self._config.name, fingerprint)
            journal = Journal.of(self._workspace.tracking, run, self._uri)
            events = missing(results(planned), journal.events()[0])
            if events or (status == "FINISHED" and journal.pending()):
                self._begin(fingerprint)
                journal.append(*events)
            self._problem = ""  # the journal has everything, whatever was not written before

    def _attempt(self, track: Callable[[], None]) -> None:
        try:
            track()
        except Exception as error:  # noqa: BLE001  (whatever it is, the run must not end with it)
            self._problem = one_line(error)

    def _not_sent(self, *, in_time: bool) -> str:
        if self._problem:
            return f"This run is not tracked completely: {self._problem}"
        if self._journal is None:
            return ""
        problem = self._journal.state().problem
        events = self._journal.pending()
        if not events:
            return f"MLflow: {problem}" if problem else ""
        reason = problem.rstrip(".") if in_time else f"still sending after {END_SECONDS} s"
        command = shlex.join(["pipeline", "track", "sync", *self._workspace.options])
        return (
            f"Not sent to MLflow at {self._place}: {describe(events)} ({reason}). "
            f"To send the rest: {command}"
        )

    @property
    def _place(self) -> str:
        return "runs/mlflow.db" if self._uri == LOCAL else self._uri
