"""Finding a model by the name it was published under, or by its path."""

import os
import re
from contextlib import suppress
from pathlib import Path

from pipeline.errors import ModelError, did_you_mean
from pipeline.publishing.moving import REMOVED
from pipeline.publishing.published_folder import read_labels, versions_of

_COLON = re.compile(r"(.+)[:@]v?([^:@]+)")  # NAME:VERSION, as in container registries
_MAX_LISTED = 10


def locate(model: str | os.PathLike[str], exported: Path) -> Path:
    """Return ``exported/MODEL`` for the name of a published model, with or without its version.

    Anything else is the path of a folder or a file: as given, or else below the workspace.

    Raises:
        ModelError: there is no such model, folder or file.
    """
    named = exported / model
    if named.is_dir():
        return named
    for path in (Path(model), exported.parent / model):
        if path.exists():
            return path
    raise _not_found(Path(model), exported)


def _not_found(model: Path, exported: Path) -> ModelError:
    colon = _COLON.fullmatch(model.name)
    written = model.parent / colon[1] / colon[2] if colon else model
    if folder := _folder_with_versions(written.parent, exported):
        return _no_version(model, written, folder)
    names = _models_in(exported)
    is_version = colon or written.name.isdecimal()
    near = did_you_mean(written.parent.name if is_version else written.name, names)
    listed = (
        f"The published models are {_list(names)}."
        if names
        else "No model has been published there yet."
    )
    return ModelError(
        f"No model {str(model)!r} is published in {exported}, and there is no such file or folder. "
        f"{near}{listed} Publish a model with pipeline run, or specify another workspace with -C."
    )


def _no_version(model: Path, written: Path, folder: Path) -> ModelError:
    """Return the error for a version that is missing, or not written NAME/VERSION."""
    problem = (
        f"{model.parent} has no version {model.name!r}."
        if written == model
        else f"A version must be written NAME/VERSION; got {str(model)!r}."
    )
    versions, name = versions_of(folder), written.parent
    if written.name in map(str, versions_of(folder / REMOVED)):
        problem = f"{written} was removed. To restore it: pipeline remove {written} --undo."
    advice = (
        f"Did you mean '{written}'?"
        if written.name in map(str, versions)
        else f"Specify one of them, as in {name}/{versions[-1]}, or {name} for the default version."
    )
    labels = {}
    with suppress(ModelError):
        labels = read_labels(folder)
    found = [_labeled(version, labels) for version in versions]
    return ModelError(f"{problem} The versions in {folder} are {_list(found)}. {advice}")


def _folder_with_versions(model: Path, exported: Path) -> Path | None:
    folders = (exported / model, model, exported.parent / model)
    return next((folder for folder in folders if versions_of(folder)), None)


def _models_in(exported: Path) -> list[str]:
    names = []
    for folder in exported.glob("*"):
        with suppress(OSError):  # a folder of another user, which concerns no one here
            names += [folder.name] if versions_of(folder) else []
    return sorted(names)


def _labeled(version: int, labels: dict[str, int]) -> str:
    own = [label for label, number in labels.items() if number == version]
    return f"{version} ({', '.join(own)})" if own else str(version)


def _list(names: list[str]) -> str:
    """Return the names, or the last ones if there are many."""
    omitted = len(names) - _MAX_LISTED
    listed = ", ".join(names[-_MAX_LISTED:])
    return f"{listed} and {omitted} more" if omitted > 0 else listed
