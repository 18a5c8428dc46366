"""Adding a version to ``exported/<name>`` atomically."""

import json
import shutil
from pathlib import Path

from pipeline.artifacts.files import describe_files
from pipeline.artifacts.serialization import to_json
from pipeline.errors import ModelError
from pipeline.publishing.candidate import Candidate, find_candidate
from pipeline.publishing.card import model_card
from pipeline.publishing.history import (
    highest_version,
    read_history,
    record,
    record_unrecorded_changes,
)
from pipeline.publishing.labels import announce_label, settle_labels, write_labels
from pipeline.publishing.moving import REMOVED
from pipeline.publishing.pins import read_pins
from pipeline.publishing.published_folder import (
    CARD,
    MANIFEST,
    PublishedModel,
    read_labels,
    read_version,
    taken_numbers,
)
from pipeline.publishing.sbom import SBOM_FILE, sbom
from pipeline.publishing.signatures import sign_version, signature_path
from pipeline.publishing.verification_records import write_record
from pipeline.system.atomic import (
    FolderExists,
    explain_storage_errors,
    locked,
    new_folder,
    remove_abandoned,
    sha256,
)
from pipeline.trust.signing import sign_content

_SETTING = "publish.sign"


def publish(
    candidate: Candidate,
    model_folder: Path,
    *,
    label: str | None,
    republish: bool = False,
    key: Path | None = None,
) -> PublishedModel:
    """Add a version, sign it with a key, and move the label to it, unless the label is pinned.

    The same candidate is published only once. One with the files of a published version adds a
    record of its verification to that version. Neither moves a label that exists, since users may
    have moved it.

    Raises:
        ModelError: an exported file was altered after it was verified, or the version was removed.
        RequestError: the key cannot sign.
        StorageError: the folder cannot be written.
    """
    with explain_storage_errors(model_folder):
        model_folder.mkdir(parents=True, exist_ok=True)
    with locked(model_folder):  # one process at a time adds versions and moves labels
        remove_abandoned(model_folder)
        settle_labels(model_folder)  # of a process that was killed
        record_unrecorded_changes(model_folder)
        found = None if republish else find_candidate(candidate, model_folder)
        if found is None and not republish:
            _require_not_removed(candidate, model_folder)
        if found is None:
            version = _add_version(candidate, model_folder, label, key)
        else:
            version = found.version
            if key is not None and not signature_path(found.path).exists():
                sign_version(found, key, setting=_SETTING)
            _add_to(found, candidate, label)
    return read_version(model_folder / str(version))


def _require_not_removed(candidate: Candidate, model_folder: Path) -> None:
    """Check that no run publishes what someone removed, which would move the label to it again."""
    removed = find_candidate(candidate, model_folder / REMOVED)
    if removed:
        address = f"{model_folder.name}/{removed.version}"
        raise ModelError(
            f"These files are those of {address}, which was removed. Nothing was published. To "
            f"restore it: pipeline remove {address} --undo. To publish a new version all the same: "
            "--force publish."
        )


def _add_to(found: PublishedModel, candidate: Candidate, label: str | None) -> None:
    """Add what a further run of a published version adds: its label if that is new, its proof."""
    model_folder, fingerprint = found.path.parent, candidate.fingerprint
    if found.manifest.fingerprint != fingerprint:
        write_record(model_folder, found.version, fingerprint, candidate.description)
    labels = read_labels(model_folder)
    if label is not None and label not in {*labels, *read_pins(model_folder)}:
        record(model_folder, "publish", found.version, label=label)
        write_labels(model_folder, {**labels, label: found.version})


def _add_version(
    candidate: Candidate, model_folder: Path, label: str | None, key: Path | None
) -> int:
    while True:
        version = _unused_number(model_folder)
        if label is not None and label not in read_pins(model_folder):
            announce_label(model_folder, label, version, candidate.fingerprint)
        try:
            with new_folder(model_folder / str(version)) as folder:
                _write_version(folder, candidate, version)
                if key is not None:  # servers that see the version then find its signature
                    signature = signature_path(model_folder / str(version))
                    sign_content((folder / MANIFEST).read_bytes(), signature, key, setting=_SETTING)
            record(model_folder, "publish", version)
        except FolderExists:  # made by hand just now
            continue
        finally:
            settle_labels(model_folder)
        return version


def _unused_number(model_folder: Path) -> int:
    """Return the number after the highest one ever used, also by versions that were removed."""
    removed = taken_numbers(model_folder / REMOVED)
    used = (*taken_numbers(model_folder), *removed, *read_labels(model_folder).values())
    return 1 + max([0, *used, highest_version(read_history(model_folder))])


def _write_version(folder: Path, candidate: Candidate, version: int) -> None:
    exported = candidate.export.path
    for name, expected in candidate.model_files().items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(exported / name, target)
        if sha256(target) != expected:
            raise ModelError(
                f"{exported / name} was altered after it was exported: it does not have the "
                f"SHA-256 {expected}. Nothing was published. Run again with --force export."
            )
    for name, write in candidate.additions.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name)
    card = model_card(candidate.description, version, robustness=candidate.robustness)
    (folder / CARD).write_text(card)
    described = candidate.description
    bill = sbom(described.name, version, candidate.model_files(), described.license)
    (folder / SBOM_FILE).write_text(bill)
    manifest = {
        "version": version,
        "fingerprint": candidate.fingerprint,
        **candidate.description.model_dump(mode="json"),
        "files": to_json(describe_files(folder)),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
