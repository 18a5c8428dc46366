"""Whether the result of a run is published, and what the run changed in ``exported/``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import ModelError
from pipeline.publishing.labels import is_label_pending
from pipeline.publishing.published_folder import (
    PublishedModel,
    read_labels,
    read_version,
    versions_of,
)

if TYPE_CHECKING:
    from pipeline.artifacts.stage_facts import PublishFacts
    from pipeline.config.schema import Config
    from pipeline.engine.store import StageOutput
    from pipeline.engine.workspace import Workspace


@dataclass(frozen=True)
class Publication:
    """What a run did: it published a version, completed an interrupted publication, or neither.

    ``label_before`` and ``label_now`` are the versions that the run's label referred to, if any.
    """

    model: PublishedModel
    status: Literal["published", "completed", "up_to_date"]
    label: str | None
    label_before: int | None
    label_now: int | None


@dataclass(frozen=True)
class PublishedBefore:
    """The versions and labels of a model before a run."""

    versions: frozenset[int]
    labels: dict[str, int]

    @classmethod
    def of(cls, model_folder: Path) -> "PublishedBefore":
        """Read them.

        Raises:
            ModelError: the labels cannot be read.
        """
        return cls(frozenset(versions_of(model_folder)), read_labels(model_folder))

    def compare(self, model: PublishedModel, label: str | None) -> Publication:
        """Return what has changed since, for the version and the label of the run."""
        before = self.labels.get(label) if label else None
        now = read_labels(model.path.parent).get(label) if label else None
        moved = now == model.version and now != before
        existed = model.version in self.versions
        status = "published" if not existed else "completed" if moved else "up_to_date"
        return Publication(model, status, label, before, now)  # type: ignore[arg-type]


def is_published(
    output: "StageOutput[PublishFacts]", _config: "Config", workspace: "Workspace"
) -> bool:
    """Return whether the version of a ``publish`` stage exists unaltered, with no label pending.

    Which version its label refers to does not matter: users move labels.
    """
    folder = workspace.exported / output.facts.name
    try:
        model = read_version(folder / str(output.facts.version))
    except ModelError:
        return False
    same = model.manifest.fingerprint == output.fingerprint
    return same and not is_label_pending(folder, output.fingerprint) and not model.alterations()
