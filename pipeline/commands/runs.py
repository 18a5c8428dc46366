"""``pipeline runs``: the recorded runs of a workspace, and what their stages have stored."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.artifacts.data_source import SAMPLE
from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.stage_facts import EvaluateFacts, TrainFacts
from pipeline.commands.recorded_runs import (
    Status,
    command_of,
    find_recorded,
    status_of,
    stopped_epoch,
)
from pipeline.engine.records import Record, RecordedRun
from pipeline.engine.store import MANIFEST
from pipeline.engine.workspace import Workspace
from pipeline.publishing.listing import list_published

_Published = dict[tuple[str, str], list[Path]]


@dataclass(frozen=True)
class RunOutput:
    """The output of one stage of a run: its folder, whether it exists, and the time it took."""

    stage: str
    fingerprint: str
    path: Path
    exists: bool
    seconds: float | None


@dataclass(frozen=True)
class Run:
    """A recorded run; its metrics and its seconds of training are those of the stored outputs.

    ``stopped_in`` is where a run was interrupted, such as ``epoch 3`` or ``verify``, if it is
    known. ``published`` are the folders of the versions with the same trained network. ``command``
    is the command line that runs it again, or resumes it.
    """

    record: Record
    status: Status
    stopped_in: str | None
    outputs: tuple[RunOutput, ...]
    metrics: dict[str, Metrics]
    training_seconds: float | None
    published: tuple[Path, ...]
    command: str | None

    @property
    def id(self) -> str:
        """The name of the configuration, and the first digits of the fingerprint."""
        return self.record.id

    @property
    def data(self) -> str:
        """The name of the data set."""
        name: str = self.record.config["data"]["name"]
        return name

    @property
    def sampled(self) -> bool:
        """Whether the sample was used in place of the full data set."""
        return self.record.source == SAMPLE


def list_runs(workspace: Workspace, limit: int | None = None) -> list[Run]:
    """Return the recorded runs, the one that started last first; at most ``limit``."""
    published = _published(workspace)
    return [_run(found, workspace, published) for found in workspace.records.all()[:limit]]


def damaged_records(workspace: Workspace) -> list[str]:
    """Return for each record that cannot be read which file it is and what to do."""
    return [
        f"The record {path} cannot be read: it is damaged, or a newer version of this package "
        "wrote it. Run its configuration again, which writes a new record, or remove the file."
        for path in workspace.records.damaged()
    ]


def find_run(workspace: Workspace, wanted: str) -> Run:
    """Return the last run of a name, or the only one whose name and hash begin with a text.

    Raises:
        RequestError: no run, or more than one, has this name or hash.
    """
    return _run(find_recorded(workspace, wanted), workspace, _published(workspace))


def _published(workspace: Workspace) -> _Published:
    """Return the folders of all published versions, by name and fingerprint of the network."""
    found: _Published = {}
    models, _ = list_published(workspace.exported)
    for model in models:
        found.setdefault((model.name, model.manifest.stages.train), []).append(model.path)
    return found


def _run(found: RecordedRun, workspace: Workspace, published: _Published) -> Run:
    record, store = found.record, workspace.store
    evaluated = store.find(EvaluateFacts, record.stages.get(EvaluateFacts.stage, ""))
    trained = store.find(TrainFacts, record.stages.get(TrainFacts.stage, ""))
    status = status_of(found)
    outputs = tuple(_outputs(record, workspace))
    return Run(
        record=record,
        status=status,
        stopped_in=_stopped_in(record, outputs, workspace) if status == "interrupted" else None,
        outputs=outputs,
        metrics=evaluated.facts.metrics if evaluated else {},
        training_seconds=trained.seconds if trained else None,
        published=tuple(published.get((record.name, record.fingerprint), ())),
        command=command_of(record, workspace),
    )


def _outputs(record: Record, workspace: Workspace) -> list[RunOutput]:
    """Return the outputs up to the last stage of the run."""
    outputs = []
    for name, fingerprint in record.stages.items():
        path = workspace.store.folder(name, fingerprint)
        exists = (path / MANIFEST).is_file()  # outputs appear as a whole
        seconds = workspace.store.seconds_of(name, fingerprint)
        outputs.append(RunOutput(name, fingerprint, path, exists, seconds))
        if name == record.until:
            break
    return outputs


def _stopped_in(record: Record, outputs: tuple[RunOutput, ...], workspace: Workspace) -> str | None:
    epoch = stopped_epoch(record, workspace)
    if epoch is not None:
        return f"epoch {epoch}"
    return next((output.stage for output in outputs if not output.exists), None)
