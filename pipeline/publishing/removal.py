"""Removing versions: first to ``.removed/``, from which they can be restored, then for good."""

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.publishing.history import read_history, record, versions_before
from pipeline.publishing.moving import REMOVED, Note, changing, listed_versions
from pipeline.publishing.published_folder import read_labels, versions_of
from pipeline.publishing.signatures import signature_path
from pipeline.system.atomic import explain_storage_errors, remove, remove_abandoned


@dataclass(frozen=True)
class RemovedVersion:
    """A version that was removed, restored or deleted, and the size of its files in bytes."""

    model: str
    version: int
    bytes: int


def removed_versions(model_folder: Path) -> list[int]:
    """Return the versions that can be restored."""
    return versions_of(model_folder / REMOVED)


def remove_version(
    model_folder: Path, version: int, note: Note, *, force: bool = False
) -> RemovedVersion:
    """Move a version to ``.removed/``.

    Raises:
        ModelError: it does not exist, or a label refers to it and ``force`` is not set.
    """
    with changing(model_folder):
        if version not in versions_of(model_folder):
            raise _no_version(model_folder, version)
        labels = [label for label, at in read_labels(model_folder).items() if at == version]
        if labels and not force:
            raise ModelError(
                f"Version {version} of {model_folder.name} has the label {' and '.join(labels)}. "
                "It was not removed. Move the label first (pipeline label), or remove the version "
                "anyway with --force: clients that ask for the label then get an error."
            )
        found = _described(model_folder, model_folder / str(version))
        _move(model_folder / str(version), model_folder / REMOVED / str(version))
        record(model_folder, "remove", version, reason=note.reason, by=note.by)
    return found


def restore_version(model_folder: Path, version: int, note: Note) -> RemovedVersion:
    """Move a removed version back.

    Raises:
        ModelError: no such version was removed, or it was deleted for good.
    """
    with changing(model_folder):
        removed = removed_versions(model_folder)
        if version not in removed:
            raise _not_removed(model_folder, version)
        _move(model_folder / REMOVED / str(version), model_folder / str(version))
        record(model_folder, "restore", version, reason=note.reason, by=note.by)
    return _described(model_folder, model_folder / str(version))


def _move(source: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise ModelError(f"Cannot move {source} to {target}, which exists. Rename or remove it.")
    with explain_storage_errors(target):
        target.parent.mkdir(exist_ok=True)
        source.rename(target)


def collect_garbage(
    model_folder: Path, *, keep: int, note: Note, dry_run: bool = False
) -> list[RemovedVersion]:
    """Delete the removed versions, and those without a label except the newest ``keep``.

    Versions to which a label refers, or to which a rollback would move it, are kept.

    Raises:
        StorageError: a folder cannot be deleted.
    """
    if dry_run:
        return [_described(model_folder, path) for path in _garbage(model_folder, keep)]
    deleted = []
    with changing(model_folder):
        for folder in _garbage(model_folder, keep):
            deleted.append(_described(model_folder, folder))
            # The entry first: a version that it names is never used again, even if this is killed.
            record(model_folder, "gc", int(folder.name), reason=note.reason, by=note.by)
            with explain_storage_errors(model_folder):
                remove(folder)
                signature_path(model_folder / folder.name).unlink(missing_ok=True)
        remove_abandoned(model_folder / REMOVED)
    return deleted


def _garbage(model_folder: Path, keep: int) -> list[Path]:
    history, labels = read_history(model_folder), read_labels(model_folder)
    before = [versions_before(history, label)[-1:] for label in labels]
    needed = {*labels.values(), *(version for earlier in before for version in earlier)}
    removed = [number for number in removed_versions(model_folder) if number not in needed]
    unlabeled = [number for number in versions_of(model_folder) if number not in needed]
    old = unlabeled[: max(0, len(unlabeled) - keep)]
    return [
        *(model_folder / REMOVED / str(number) for number in removed),
        *(model_folder / str(number) for number in old),
    ]


def _described(model_folder: Path, folder: Path) -> RemovedVersion:
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    return RemovedVersion(model_folder.name, int(folder.name), size)


def _no_version(model_folder: Path, version: int) -> ModelError:
    name, versions = model_folder.name, versions_of(model_folder)
    if version in removed_versions(model_folder):
        return ModelError(
            f"{name}/{version} was already removed. To restore it: pipeline remove "
            f"{name}/{version} --undo."
        )
    return ModelError(f"{name} has no version {version}: {listed_versions(versions)}.")


def _not_removed(model_folder: Path, version: int) -> ModelError:
    """Return the error for a version that cannot be restored, with the reason if it is known."""
    name, removed = model_folder.name, removed_versions(model_folder)
    found = [entry for entry in read_history(model_folder) if entry.label is None]
    last = next((entry for entry in reversed(found) if entry.version == version), None)
    if version in versions_of(model_folder):
        state = f"{name}/{version} is published: there is nothing to restore"
    elif last is not None and last.action == "gc":
        state = f"{name}/{version} was deleted for good on {last.time[:10]} (pipeline gc)"
    else:
        listed = listed_versions(removed, "removed version")
        state = f"{name} has no removed version {version}: {listed}"
    return ModelError(f"{state}.")
