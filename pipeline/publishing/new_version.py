"""Adding a version to ``exported/<name>`` atomically."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.artifacts.files import describe_files
from pipeline.artifacts.formats import artifact_files, formats_in
from pipeline.artifacts.serialization import to_json
from pipeline.artifacts.stage_facts import ExportFacts
from pipeline.engine.store import StageOutput
from pipeline.errors import ModelError
from pipeline.publishing.card import model_card
from pipeline.publishing.golden import GOLDEN, Golden
from pipeline.publishing.manifest import Description
from pipeline.publishing.published_folder import (
    LABELS,
    MANIFEST,
    PublishedModel,
    read_labels,
    read_version,
    taken_numbers,
    versions_of,
)
from pipeline.system.atomic import FolderExists, locked, new_folder, sha256, write_file


@dataclass(frozen=True)
class Candidate:
    """A version to be published: exported files, their description, and golden predictions."""

    fingerprint: str
    export: StageOutput[ExportFacts]
    description: Description
    golden: Golden | None = None


def publish(
    candidate: Candidate, model_folder: Path, *, label: str | None, republish: bool = False
) -> PublishedModel:
    """Add a version and move the label to it; publish the same candidate only once.

    Raises:
        ModelError: an exported file was altered after it was verified.
        StorageError: the folder cannot be written.
    """
    version = _add_version(candidate, model_folder, republish)
    if label is not None:
        with locked(model_folder):  # only one process at a time updates the labels
            labels = {**read_labels(model_folder), label: version}
            write_file(model_folder / LABELS, (json.dumps(labels) + "\n").encode())
    return read_version(model_folder / str(version))


def find_candidate(fingerprint: str, model_folder: Path) -> PublishedModel | None:
    """Return the unaltered version that was published with this fingerprint, or None."""
    for version in reversed(versions_of(model_folder)):
        try:
            published = read_version(model_folder / str(version))
        except ModelError:  # a broken version never matches
            continue
        if published.manifest.fingerprint == fingerprint and not published.alterations():
            return published
    return None


def _add_version(candidate: Candidate, model_folder: Path, republish: bool) -> int:
    while True:
        # Choose the number first: if another process publishes after this line, it takes that
        # number, and the loop looks for the candidate again.
        version = 1 + max([0, *taken_numbers(model_folder), *read_labels(model_folder).values()])
        found = None if republish else find_candidate(candidate.fingerprint, model_folder)
        if found is not None:
            return found.version
        try:
            with new_folder(model_folder / str(version)) as folder:
                _write_version(folder, candidate, version)
        except FolderExists:  # another process took the number
            continue
        return version


def _write_version(folder: Path, candidate: Candidate, version: int) -> None:
    exported = candidate.export.path
    left_out = {
        path.relative_to(exported).as_posix()
        for name in set(formats_in(exported)) - set(candidate.description.formats)
        for path in artifact_files(exported, name)
    }
    for name, file in candidate.export.outputs.items():
        if name in left_out:
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(exported / name, target)
        if sha256(target) != file.sha256:
            raise ModelError(
                f"{exported / name} was altered after it was exported: it does not have the "
                f"SHA-256 {file.sha256}. Nothing was published. Run again with --force export."
            )
    if candidate.golden is not None:
        candidate.golden.write(folder / GOLDEN)
    (folder / "README.md").write_text(model_card(candidate.description, version))
    manifest = {
        "version": version,
        "fingerprint": candidate.fingerprint,
        **candidate.description.model_dump(mode="json"),
        "files": to_json(describe_files(folder)),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
