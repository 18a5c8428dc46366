"""Adding a version to ``exported/<name>`` atomically."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.artifacts.files import describe_files
from pipeline.artifacts.formats import artifact_files, formats_in
from pipeline.artifacts.serialization import to_json
from pipeline.artifacts.stage_facts import ExportFacts
from pipeline.engine.store import StageOutput
from pipeline.errors import ModelError
from pipeline.publishing.card import model_card
from pipeline.publishing.card_limits import Robustness
from pipeline.publishing.labels import announce_label, settle_labels
from pipeline.publishing.manifest import Description
from pipeline.publishing.published_folder import (
    MANIFEST,
    PublishedModel,
    read_labels,
    read_version,
    taken_numbers,
    versions_of,
)
from pipeline.system.atomic import (
    FolderExists,
    explain_storage_errors,
    locked,
    new_folder,
    remove_abandoned,
    sha256,
)

CARD = "README.md"


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


def publish(
    candidate: Candidate, model_folder: Path, *, label: str | None, republish: bool = False
) -> PublishedModel:
    """Add a version and move the label to it; publish the same candidate only once.

    A candidate that is published already moves no label, since users may have moved it.

    Raises:
        ModelError: an exported file was altered after it was verified.
        StorageError: the folder cannot be written.
    """
    with explain_storage_errors(model_folder):
        model_folder.mkdir(parents=True, exist_ok=True)
    with locked(model_folder):  # one process at a time adds versions and moves labels
        remove_abandoned(model_folder)
        settle_labels(model_folder)  # of a process that was killed
        found = None if republish else find_candidate(candidate.fingerprint, model_folder)
        version = found.version if found else _add_version(candidate, model_folder, label)
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


def _add_version(candidate: Candidate, model_folder: Path, label: str | None) -> int:
    while True:
        version = 1 + max([0, *taken_numbers(model_folder), *read_labels(model_folder).values()])
        if label is not None:
            announce_label(model_folder, label, version, candidate.fingerprint)
        try:
            with new_folder(model_folder / str(version)) as folder:
                _write_version(folder, candidate, version)
        except FolderExists:  # made by hand just now
            continue
        finally:
            settle_labels(model_folder)
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
    for name, write in candidate.additions.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name)
    card = model_card(candidate.description, version, robustness=candidate.robustness)
    (folder / CARD).write_text(card)
    manifest = {
        "version": version,
        "fingerprint": candidate.fingerprint,
        **candidate.description.model_dump(mode="json"),
        "files": to_json(describe_files(folder)),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
