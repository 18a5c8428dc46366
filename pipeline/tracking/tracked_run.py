"""Tracking of one run: its epochs and results go to a journal, which another process sends."""

import importlib.util
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property

from pipeline.artifacts.stage_facts import EvaluateFacts, PublishFacts, TrainFacts
from pipeline.config.origin import flatten
from pipeline.config.schema import Config
from pipeline.config.tracking_uri import LOCAL
from pipeline.engine.runner import StageResult, output_of
from pipeline.engine.workspace import Workspace
from pipeline.errors import MissingExtra
from pipeline.progress import Progress, Task, TrainingCost
from pipeline.publishing.portable import portable_config
from pipeline.stages import plan_stages
from pipeline.tracking.journal import Event, Journal, describe
from pipeline.tracking.sending import Sender

FOLDER = "tracking"  # in runs/
_SHOWN_DIGITS = 8  # of the fingerprint, as in records


@contextmanager
def tracked(config: Config, workspace: Workspace, progress: Progress) -> "Iterator[RunTracking]":
    """Track the run in this block, if the configuration says so; the block never fails by it.

    Raises:
        MissingExtra: the run is to be tracked, and the extra ``mlflow`` is not installed.
    """
    if config.track is None:
        yield RunTracking(config, workspace, progress)
        return
    _require_mlflow()
    tracking = JournalTracking(config, workspace, progress)
    try:
        yield tracking
    except BaseException as error:
        tracking.end("FAILED" if isinstance(error, Exception) else "KILLED")
        tracking.close(type(error))
        raise
    tracking.end("FINISHED")
    tracking.close()


def _require_mlflow() -> None:
    for package in ("mlflow", "sqlalchemy", "onnx"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra("Tracking with MLflow (track.mlflow)", "mlflow")


class RunTracking(Progress):
    """A progress that passes everything on, and tracks nothing."""

    def __init__(self, config: Config, workspace: Workspace, progress: Progress) -> None:
        self.config, self.workspace, self.progress = config, workspace, progress

    def notice(self, text: str) -> None:
        """Show a message that the user must not miss."""
        self.progress.notice(text)

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Report a stage that ran or was up to date."""
        self.progress.stage_finished(name, status, seconds, detail)

    def task(self, description: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Show work in progress."""
        return self.progress.task(description, total)

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Report a completed epoch of a training."""
        self.progress.epoch_finished(epoch, logs, cost)

    def finished(self, results: list[StageResult]) -> None:
        """Track the results of the stages."""


class JournalTracking(RunTracking):
    """Appends epochs and results to the journal; the first event starts the sender."""

    _problem = ""
    _started = False

    def __init__(self, config: Config, workspace: Workspace, progress: Progress) -> None:
        super().__init__(config, workspace, progress)
        self._sender = ExitStack()

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Track a completed epoch."""
        self._append(_metrics("epoch", epoch, {**logs, "seconds": cost.seconds}))
        super().epoch_finished(epoch, logs, cost)

    def finished(self, results: list[StageResult]) -> None:
        """Track the metrics and the published version, unless an earlier run did."""
        trained, evaluated = output_of(results, TrainFacts), output_of(results, EvaluateFacts)
        published = output_of(results, PublishFacts)
        known, _ = self._journal.events()
        if trained and evaluated and not _has(known, "evaluate"):
            scores = {
                f"{split}_{name}": value
                for split, metrics in evaluated.facts.metrics.items()
                for name, value in {"loss": metrics.loss, **metrics.scores}.items()
            }
            self._append(_metrics("evaluate", trained.facts.epochs, scores))
        if published and not _has(known, "model", version=published.facts.version):
            self._append({"event": "model", "version": published.facts.version})

    def end(self, status: str) -> None:
        """Track how the run ended, if anything of it was tracked."""
        if self._started:
            self._append({"event": "end", "status": status, "time": _now()})

    def close(self, error: type[BaseException] | None = None) -> None:
        """Wait for the sender, and tell what was not sent."""
        self._sender.__exit__(error, None, None)
        if text := self._not_sent():
            self.progress.notice(text)

    @cached_property
    def _journal(self) -> Journal:
        assert self.config.track is not None
        folder = self.workspace.store.root / FOLDER
        return Journal.of(folder, self._run, self.config.track.mlflow)

    @cached_property
    def _run(self) -> str:
        planned = plan_stages(self.config, self.workspace)
        assert planned is not None, "the data is prepared before anything is tracked"
        return f"{self.config.name}-{planned.fingerprints[TrainFacts.stage][:_SHOWN_DIGITS]}"

    def _append(self, event: Event) -> None:
        """Append an event; a disk that is full does not end the training."""
        try:
            if self._started:
                self._journal.append(event)
            else:
                self._journal.append(self._description(), event)
                self._sender.enter_context(Sender(self._journal, self.workspace.root))
                self._started = True
        except OSError as error:
            self._problem = f"{error.filename or self._journal.path}: {error.strerror}"

    def _description(self) -> Event:
        assert self.config.track is not None
        values = flatten(portable_config(self.config, self.workspace.root))
        return {
            "event": "run",
            "run": self._run,
            "name": self.config.name,
            "uri": self.config.track.mlflow,
            "params": {key: value for key, value in values.items() if value is not None},
            "tags": {},
            "time": _now(),
        }

    def _not_sent(self) -> str:
        if self._problem:
            return f"This run is not tracked completely. {self._problem}."
        if not self._started:
            return ""
        state, events = self._journal.state(), self._journal.pending()
        if not events:
            return state.problem and f"MLflow: {state.problem}"
        reason = f" ({state.problem.rstrip('.')})" if state.problem else ""
        return (
            f"Not sent to MLflow at {place_of(self.config)}: {describe(events)}{reason}. Send the "
            "rest with pipeline track sync."
        )


def place_of(config: Config) -> str:
    """Return the destination, for messages."""
    assert config.track is not None
    return "runs/mlflow.db" if config.track.mlflow == LOCAL else config.track.mlflow


def _metrics(event: str, step: int, values: dict[str, float]) -> Event:
    return {"event": event, "step": step, "metrics": values, "time": _now()}


def _has(events: list[Event], name: str, **values: object) -> bool:
    wanted = {"event": name, **values}
    return any(wanted.items() <= event.items() for event in map(_simple, events))


def _simple(event: Event) -> Event:
    return {key: value for key, value in event.items() if isinstance(value, str | int)}


def _now() -> int:
    return int(time.time() * 1000)
