"""``NAME`` or ``NAME/VERSION``: the model that a command changes."""

import os
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.publishing.locating import locate
from pipeline.publishing.moving import REMOVED
from pipeline.publishing.published_folder import (
    PublishedModel,
    find_published,
    read_labels,
    versions_of,
)


def split_address(model: str | os.PathLike[str], exported: Path) -> tuple[Path, int | None]:
    """Return the folder of a published model, and the version if the address names one.

    The version need not exist, as it may have been removed.

    Raises:
        ModelError: there is no such model.
        RequestError: it is the path of something else.
    """
    path = Path(model)
    version = int(path.name) if path.name.isdecimal() else None
    folder = locate(path if version is None else path.parent, exported)
    if not has_versions(folder):
        raise RequestError(
            f"A model must be written NAME or NAME/VERSION; got '{model}', and {folder} contains "
            "no published version. List the published models with pipeline models."
        )
    return folder, version


def published_at(model: str | os.PathLike[str], exported: Path) -> PublishedModel:
    """Return the version at ``NAME``, ``NAME/VERSION`` or ``NAME@LABEL``, or at a path.

    Raises:
        ModelError: there is no such model, or it cannot be read.
        RequestError: it has no such label.
    """
    name, at, label = str(model).rpartition("@")
    if not at or Path(model).exists():
        return find_published(locate(model, exported))
    folder = locate(name, exported)
    return find_published(locate(folder / str(version_named(folder, label)), exported))


def has_versions(model_folder: Path) -> bool:
    """Return whether a folder contains versions, or ones that were removed."""
    return bool(versions_of(model_folder) or versions_of(model_folder / REMOVED))


def version_named(model_folder: Path, version: str) -> int:
    """Return the version with this number or label.

    Raises:
        RequestError: it is neither a number nor a label of the model.
    """
    if version.isdecimal():
        return int(version)
    labels = read_labels(model_folder)
    if version not in labels:
        raise RequestError(
            f"A version must be a number or a label of {model_folder.name} "
            f"({', '.join(sorted(labels)) or 'it has none'}); got {version!r}."
        )
    return labels[version]
