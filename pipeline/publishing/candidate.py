"""A version to be published, and whether it is published already."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.artifacts.formats import artifact_files, formats_in
from pipeline.artifacts.stage_facts import ExportFacts
from pipeline.engine.store import StageOutput
from pipeline.errors import ModelError
from pipeline.publishing.card_limits import Robustness
from pipeline.publishing.manifest import Description, Manifest
from pipeline.publishing.published_folder import PublishedModel, read_version, versions_of

# Of the manifest: how pictures become inputs, what answers mean, and what users may do with them.
_IDENTITY = {
    *("name", "task", "output", "target", "contract", "class_names", "license"),
    *("preprocessing", "uncertainty"),
}


@dataclass(frozen=True)
class Candidate:
    """A version to be published: exported files, their description, and what lies beside them.

    ``additions`` write further files, by their paths in the folder of the version;
    ``robustness`` is for the model card.
    """

    fingerprint: str
    export: StageOutput[ExportFacts]
    description: Description
    additions: Mapping[str, Callable[[Path], object]] = field(default_factory=dict)
    robustness: Robustness | None = None

    def model_files(self) -> dict[str, str]:
        """Return the SHA-256 of the exported files, without formats that are not published."""
        exported = self.export.path
        left_out = {
            path.relative_to(exported).as_posix()
            for name in set(formats_in(exported)) - set(self.description.formats)
            for path in artifact_files(exported, name)
        }
        outputs = self.export.outputs.items()
        return {name: file.sha256 for name, file in outputs if name not in left_out}

    def is_same_model(self, manifest: Manifest) -> bool:
        """Return whether a version has the same files, which mean the same."""
        published = {name: file.sha256 for name, file in manifest.files.items()}
        same_files = self.model_files().items() <= published.items()
        same_formats = set(manifest.formats) == set(self.description.formats)
        same_doubts = (manifest.uncertainty is None) == (self.description.uncertainty is None)
        if not (same_files and same_formats and same_doubts):
            return False
        mine = self.description.model_dump(mode="json", include=_IDENTITY)
        return mine == manifest.model_dump(mode="json", include=_IDENTITY)


def find_candidate(candidate: Candidate, model_folder: Path) -> PublishedModel | None:
    """Return the unaltered version with this fingerprint, or else with the same files, or None."""
    same_files = None
    for published in _readable(model_folder):
        if published.manifest.fingerprint == candidate.fingerprint:
            if not published.alterations():
                return published
        elif same_files is None and candidate.is_same_model(published.manifest):
            same_files = None if published.alterations() else published
    return same_files


def _readable(model_folder: Path) -> Iterator[PublishedModel]:
    """Yield the versions whose manifests can be read, the newest first."""
    for version in reversed(versions_of(model_folder)):
        try:
            yield read_version(model_folder / str(version))
        except ModelError:  # a broken version never matches
            continue
