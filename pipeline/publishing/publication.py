"""Whether the result of a run is published, and what the run changed in ``exported/``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import ModelError
from pipeline.publishing.labels import is_label_pending
from pipeline.publishing.pins import read_pins
from pipeline.publishing.published_folder import (
    PublishedModel,
    read_labels,
    read_version,
    versions_of,
)
from pipeline.publishing.signatures import signature_path
from pipeline.publishing.verification_records import has_record, records_of

if TYPE_CHECKING:
    from pipeline.artifacts.stage_facts import PublishFacts
    from pipeline.config.schema import Config
    from pipeline.engine.store import StageOutput
    from pipeline.engine.workspace import Workspace


Status = Literal["published", "verified", "completed", "up_to_date"]


@dataclass(frozen=True)
class Publication:
    """What a run did: it published a version, verified one again, or completed a publication.

    ``label_before`` and ``label_now`` are the versions that the run's label referred to, if any;
    ``pinned`` says that the label is pinned, and ``pin_reason`` why, if that was given.
    """

    model: PublishedModel
    status: Status
    label: str | None
    label_before: int | None
    label_now: int | None
    pinned: bool = False
    pin_reason: str | None = None


@dataclass(frozen=True)
class PublishedBefore:
    """The versions, labels, verifications and pins of a model before a run."""

    versions: frozenset[int]
    labels: dict[str, int]
    records: frozenset[str]
    pins: dict[str, str | None]
    interrupted: bool  # a publication, before it moved its label

    @classmethod
    def of(cls, model_folder: Path) -> "PublishedBefore":
        """Read them.

        Raises:
            ModelError: the labels or the pins cannot be read.
        """
        versions = frozenset(versions_of(model_folder))
        return cls(
            versions,
            read_labels(model_folder),
            records_of(model_folder),
            read_pins(model_folder),
            interrupted=any(model_folder.glob(".pending-*")),
        )

    def compare(self, model: PublishedModel, label: str | None) -> Publication:
        """Return what has changed since, for the version and the label of the run."""
        folder = model.path.parent
        before = self.labels.get(label) if label else None
        now = read_labels(folder).get(label) if label else None
        return Publication(
            model,
            self._status(model, moved=now == model.version and now != before),
            label,
            before,
            now,
            pinned=label in self.pins,
            pin_reason=self.pins.get(label) if label else None,
        )

    def _status(self, model: PublishedModel, *, moved: bool) -> Status:
        if model.version not in self.versions:
            return "published"
        if records_of(model.path.parent) != self.records:
            return "verified"
        return "completed" if moved and self.interrupted else "up_to_date"


def is_published(
    output: "StageOutput[PublishFacts]", config: "Config", workspace: "Workspace"
) -> bool:
    """Return whether the version of a ``publish`` stage exists unaltered, and so does its label.

    Which version its label refers to does not matter: users move labels.
    """
    folder, version = workspace.exported / output.facts.name, output.facts.version
    try:
        model = read_version(folder / str(version))
        labels = read_labels(folder)
    except ModelError:
        return False
    label = config.publish.label
    has_label = label is None or label in labels
    same = model.manifest.fingerprint == output.fingerprint or has_record(
        folder, version, output.fingerprint
    )
    if config.publish.sign is not None and not signature_path(model.path).exists():
        return False
    pending = is_label_pending(folder, output.fingerprint)
    return has_label and same and not pending and not model.alterations()
