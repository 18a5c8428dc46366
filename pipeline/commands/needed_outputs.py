"""Which stage outputs are needed: those of kept runs and of published versions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.artifacts.stage_facts import PublishFacts
from pipeline.commands.retention import Retention
from pipeline.engine.records import RecordedRun
from pipeline.engine.workspace import Workspace
from pipeline.errors import ModelError
from pipeline.publishing.published_folder import PublishedModel, read_version, versions_of

Output = tuple[str, str]  # the stage and the fingerprint


@dataclass(frozen=True)
class Needed:
    """The outputs of all recorded runs, those that are needed, and the records to keep."""

    recorded: frozenset[Output]
    outputs: frozenset[Output]
    records: frozenset[str]


def needed_outputs(workspace: Workspace, retention: Retention) -> Needed:
    """Return what kept runs and published versions need; the run of a version is kept as well.

    Raises:
        ModelError: a published version cannot be read.
    """
    published = list(_published(workspace.exported))
    runs = workspace.records.all()
    kept = [
        run
        for position, run in enumerate(runs)
        if run.is_running
        or retention.keeps(position, _last_use(run, workspace))
        or _is_published(run, published)
    ]
    of_versions = {output for model in published for output in _outputs(model)}
    return Needed(
        recorded=frozenset(_recorded(runs)),
        outputs=frozenset(_recorded(kept) | of_versions),
        records=frozenset(run.record.id for run in kept),
    )


def _recorded(runs: list[RecordedRun]) -> set[Output]:
    return {output for run in runs for output in run.record.stages.items()}


def _published(exported: Path) -> Iterator[PublishedModel]:
    for folder in sorted(exported.glob("*")):
        for version in versions_of(folder):
            try:
                yield read_version(folder / str(version), labels={})
            except ModelError as error:
                raise ModelError(
                    "Nothing was removed, since the outputs that a published version needs cannot "
                    f"be determined. {error}"
                ) from error


def _outputs(model: PublishedModel) -> set[Output]:
    """Return the outputs of the run that published a version."""
    stages: dict[str, object] = model.manifest.stages.model_dump()
    found = {(stage, str(fingerprint)) for stage, fingerprint in stages.items()}
    return found | {(PublishFacts.stage, model.manifest.fingerprint)}


def _is_published(run: RecordedRun, published: list[PublishedModel]) -> bool:
    return any(
        (model.name, model.manifest.stages.train) == (run.record.name, run.record.fingerprint)
        for model in published
    )


def _last_use(run: RecordedRun, workspace: Workspace) -> float:
    """Return when a run ended; if it was interrupted, when it was last known to run."""
    known = datetime.fromisoformat(run.record.finished or run.record.started).timestamp()
    checkpoints = workspace.checkpoints.glob(f"{run.record.fingerprint}*.npz")
    return max([known, *(path.stat().st_mtime for path in checkpoints)])
