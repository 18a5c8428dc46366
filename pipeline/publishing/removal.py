"""Removing versions: first to ``.removed/``, from which they can be restored, then for good."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.publishing.history import record
from pipeline.publishing.moving import Note, changing
from pipeline.publishing.published_folder import read_labels, versions_of
from pipeline.system.atomic import explain_storage_errors, remove

REMOVED = ".removed"


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
            raise _no_version(model_folder, version, versions_of(model_folder), "versions")
        labels = [label for label, at in read_labels(model_folder).items() if at == version]
        if labels and not force:
            raise ModelError(
                f"Version {version} of {model_folder.name} has the label {' and '.join(labels)}. "
                "It was not removed. Move the label first (pipeline label), or remove the version "
                "all the same with --force: clients that ask for the label then get an error."
            )
        found = _described(model_folder, model_folder / str(version), version)
        with explain_storage_errors(model_folder):
            (model_folder / REMOVED).mkdir(exist_ok=True)
            (model_folder / str(version)).rename(model_folder / REMOVED / str(version))
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
            raise _no_version(model_folder, version, removed, "removed versions")
        with explain_storage_errors(model_folder):
            (model_folder / REMOVED / str(version)).rename(model_folder / str(version))
        record(model_folder, "restore", version, reason=note.reason, by=note.by)
    return _described(model_folder, model_folder / str(version), version)


def collect_garbage(
    model_folder: Path, *, keep: int, note: Note, dry_run: bool = False
) -> list[RemovedVersion]:
    """Delete the removed versions, and those without a label but for the newest ``keep``.

    Raises:
        StorageError: a folder cannot be deleted.
    """
    with changing(model_folder):
        labeled = set(read_labels(model_folder).values())
        unlabeled = [number for number in versions_of(model_folder) if number not in labeled]
        old = [model_folder / str(n) for n in unlabeled[: max(0, len(unlabeled) - keep)]]
        folders = [model_folder / REMOVED / str(n) for n in removed_versions(model_folder)] + old
        found = [_described(model_folder, folder, int(folder.name)) for folder in folders]
        for folder in [] if dry_run else folders:
            # The entry first: a version that it names is never used again, even if this is killed.
            record(model_folder, "gc", int(folder.name), reason=note.reason, by=note.by)
            with explain_storage_errors(model_folder):
                remove(folder)
    return found


def _described(model_folder: Path, folder: Path, version: int) -> RemovedVersion:
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    return RemovedVersion(model_folder.name, version, size)


def _no_version(model_folder: Path, version: int, known: list[int], kind: str) -> ModelError:
    return ModelError(
        f"{model_folder.name} has no version {version} among its {kind} "
        f"({', '.join(map(str, known)) or 'none'})."
    )
