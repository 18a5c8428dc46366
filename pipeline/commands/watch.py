"""``pipeline watch``: the curve of a run, as often as it changes, until the run ends."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.artifacts.history import read_costs, read_history
from pipeline.artifacts.stage_facts import TrainFacts
from pipeline.commands.recorded_runs import (
    Status,
    command_of,
    find_recorded,
    missing_stages,
    newest_recorded,
    status_of,
    stopped_epoch,
)
from pipeline.engine.records import Record, RecordedRun
from pipeline.engine.workspace import Workspace
from pipeline.errors import GateError, PipelineError, RequestError
from pipeline.live.curve import Curve, CurveReader, stored_curve

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class WatchedRun:
    """A run at one moment; ``curve`` is None as long as the training has not begun.

    ``stage`` is the stage that is running, if any, and ``epochs`` the largest number of epochs.
    """

    record: Record
    status: Status
    stage: str | None
    curve: Curve | None

    @property
    def epochs(self) -> int:
        """The number of epochs of all networks; a callback may end a training earlier."""
        config = self.record.config
        epochs: int = config["train"]["epochs"] * config.get("model", {}).get("members", 1)
        return epochs

    @property
    def is_training(self) -> bool:
        """Whether the run is training, or is yet to train."""
        return self.status == "running" and self.stage in {None, "data", TrainFacts.stage}

    @property
    def images_per_second(self) -> float | None:
        """The speed of the latest steps, or once the training is complete, of all steps."""
        if self.curve is None:
            return None
        if self.is_training:
            return self.curve.speed
        return self.curve.speeds[-1] if self.curve.speeds else None

    @property
    def seconds_left(self) -> float | None:
        """The time until the training is complete, or None if it is not known or not training."""
        return self.curve.seconds_left(self.epochs) if self.curve and self.is_training else None


def watch(workspace: Workspace, wanted: str | None = None) -> Iterator[WatchedRun]:
    """Yield a run whenever its curve has changed, and once more when it has ended.

    ``wanted`` is a name or the beginning of a hash; without it, the run that began last among those
    that are running, else among all.

    Raises:
        RequestError: no run is recorded, or no run, or several, have this name or hash.
        MissingExtra: the extra ``train`` is not installed.
    """
    found = find_recorded(workspace, wanted) if wanted else newest_recorded(workspace)
    reader = CurveReader(workspace.event_files / found.record.id)
    previous: WatchedRun | None = None
    while True:
        watched = _watched(found, reader, workspace)
        if watched != previous:
            yield watched
        if watched.status != "running":
            return
        previous = watched
        time.sleep(POLL_SECONDS)
        found = find_recorded(workspace, found.record.id)


def error_of(run: WatchedRun, workspace: Workspace) -> PipelineError | None:
    """Return the error to report for a run that was interrupted or failed."""
    record = run.record
    if run.status == "interrupted":
        command = command_of(record, workspace)
        epoch = stopped_epoch(record, workspace)
        where = f" at epoch {epoch} of {run.epochs}" if epoch else ""
        where = where or (f" in the stage {run.stage}" if run.stage else "")
        advice = f" To resume: {command}" if command else ""
        return RequestError(f"The run {record.id} was interrupted{where}.{advice}")
    if run.status == "failed":
        assert record.error is not None, "a failed run has an error"
        return GateError(f"The run {record.id} failed: {record.error.message}")
    return None


def _watched(found: RecordedRun, reader: CurveReader, workspace: Workspace) -> WatchedRun:
    """Return a run; its record was read first, so that the curve of an ended run is complete."""
    record, status = found.record, status_of(found)
    stages = [] if status == "complete" else missing_stages(record, workspace)
    curve = reader.read() or _stored(record, workspace)
    return WatchedRun(record, status, stages[0] if stages else None, curve)


def _stored(record: Record, workspace: Workspace) -> Curve | None:
    """Return the curve of a training that wrote no event files, such as a trial of a study."""
    trained = workspace.store.find(TrainFacts, record.stages[TrainFacts.stage])
    if trained is None:
        return None
    return stored_curve(read_history(trained.path), read_costs(trained.path))
