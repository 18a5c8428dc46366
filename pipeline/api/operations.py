"""Change what is published: labels, and which versions exist."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.api.arguments import existing_workspace
from pipeline.commands.loading import PathLike
from pipeline.errors import ModelError, RequestError
from pipeline.publishing.address import has_versions, split_address, version_named
from pipeline.publishing.history import Entry, read_history
from pipeline.publishing.moving import (
    Labels,
    Move,
    Note,
    labels_of,
    move_labels,
    roll_back,
)
from pipeline.publishing.published_folder import STABLE, versions_of
from pipeline.publishing.removal import (
    RemovedVersion,
    collect_garbage,
    remove_version,
    restore_version,
)


def label(
    model: PathLike,
    labels: Mapping[str, int | str | None],
    *,
    pin: bool | None = None,
    reason: str | None = None,
    by: str | None = None,
    workspace: PathLike = ".",
) -> list[Move]:
    """Let labels refer to versions (numbers or other labels); None removes a label.

    ``pin`` True keeps runs from moving the labels, False lets them.

    Raises:
        RequestError: a label or a version is not valid.
        ModelError: the model or a version does not exist, or was altered.
    """
    folder, addressed = _folder(model, workspace)
    if addressed is not None:
        raise RequestError(
            f"Specify the model without a version, and the version after the label, as in stable="
            f"{addressed}; got '{model}'."
        )
    wanted = {
        name: None if version is None else version_named(folder, str(version))
        for name, version in labels.items()
    }
    return move_labels(folder, wanted, Note(reason, by), pin=pin)


def labels(model: PathLike, *, workspace: PathLike = ".") -> Labels:
    """Return the labels of a model, and which of them are pinned.

    Raises:
        ModelError: the model does not exist, or its labels cannot be read.
    """
    return labels_of(_folder(model, workspace)[0])


def promote(
    model: PathLike,
    version: int | str | None = None,
    *,
    label: str = STABLE,
    pin: bool | None = None,
    reason: str | None = None,
    by: str | None = None,
    workspace: PathLike = ".",
) -> Move:
    """Let ``stable`` refer to a version, by default the newest one.

    Raises:
        RequestError: the version is not valid.
        ModelError: the model or the version does not exist, or was altered.
    """
    folder, addressed = _folder(model, workspace)
    if version is None:
        version = _newest(folder) if addressed is None else addressed
    elif addressed is not None:
        raise RequestError(f"The version is given twice: in '{model}', and as {version}.")
    wanted = {label: version_named(folder, str(version))}
    [move] = move_labels(folder, wanted, Note(reason, by), action="promote", pin=pin)
    return move


def rollback(
    model: PathLike,
    *,
    label: str = STABLE,
    pin: bool | None = None,
    reason: str | None = None,
    by: str | None = None,
    workspace: PathLike = ".",
) -> Move:
    """Let ``stable`` refer to its previous version; repeat to go back further.

    Raises:
        RequestError: the address names a version.
        ModelError: no earlier version is known, or it is missing or altered.
    """
    folder, addressed = _folder(model, workspace)
    if addressed is not None:
        raise RequestError(
            f"A rollback finds its version in the history; got '{model}'. To choose the version, "
            f"use: pipeline label {folder.name} {label}={addressed}."
        )
    return roll_back(folder, label, Note(reason, by), pin=pin)


def history(model: PathLike, *, workspace: PathLike = ".") -> list[Entry]:
    """Return what happened to the labels and versions of a model, the oldest entry first.

    Raises:
        ModelError: the model does not exist, or its history cannot be read.
    """
    return read_history(_folder(model, workspace)[0])


def remove(
    model: PathLike,
    *,
    force: bool = False,
    undo: bool = False,
    reason: str | None = None,
    by: str | None = None,
    workspace: PathLike = ".",
) -> RemovedVersion:
    """Remove ``NAME/VERSION``, or restore it (``undo``) until ``gc`` deletes it.

    Raises:
        RequestError: the address names no version.
        ModelError: the version does not exist, or a label refers to it.
    """
    folder, version = _folder(model, workspace)
    if version is None:
        raise RequestError(
            f"Specify the version to remove as NAME/VERSION; got '{model}'. Its versions are "
            f"{', '.join(map(str, versions_of(folder))) or 'none'}."
        )
    if undo:
        return restore_version(folder, version, Note(reason, by))
    return remove_version(folder, version, Note(reason, by), force=force)


def gc(
    models: Sequence[PathLike] = (),
    *,
    keep: int,
    dry_run: bool = False,
    reason: str | None = None,
    by: str | None = None,
    workspace: PathLike = ".",
) -> list[RemovedVersion]:
    """Delete removed versions, and those without a label but for the newest ``keep`` of a model.

    Raises:
        RequestError: an address names a version, or ``keep`` is negative.
        ModelError: a model does not exist.
    """
    if keep < 0:
        raise RequestError(f"keep must be 0 or more; got {keep}.")
    exported = existing_workspace(workspace, "exported/").exported
    found = (path for path in sorted(exported.glob("*")) if has_versions(path))
    named = models or [path.name for path in found]
    folders = []
    for model in named:
        folder, version = split_address(model, exported)
        if version is not None:
            raise RequestError(f"Specify a model without a version; got '{model}'.")
        folders.append(folder)
    note = Note(reason, by)
    return [
        one for f in folders for one in collect_garbage(f, keep=keep, note=note, dry_run=dry_run)
    ]


def _newest(folder: Path) -> int:
    versions = versions_of(folder)
    if not versions:
        raise ModelError(
            f"All versions of {folder.name} were removed. To restore one: pipeline remove "
            f"{folder.name}/VERSION --undo."
        )
    return versions[-1]


def _folder(model: PathLike, workspace: PathLike) -> tuple[Path, int | None]:
    exported = existing_workspace(workspace, "exported/").exported
    return split_address(model, exported)
