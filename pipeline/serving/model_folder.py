"""The folder of one model: finding it, and reading what it contains."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.publishing.published_folder import read_labels, versions_of
from pipeline.publishing.signatures import signature_path

Signature = tuple[tuple[str, int, int], ...]
Labels = Mapping[str, int] | ModelError

# Names that fit into a URL path; surrogates represent bytes that are not UTF-8.
_NAME = re.compile(r"[^/:\x00-\x1f\ud800-\udfff]{1,100}")
_ATTEMPTS = 3
_MAX_FILES = 1000  # of a version; its own have at most a few dozen


@dataclass(frozen=True)
class ModelFolder:
    """The folder of a model; ``versions`` are the only ones to serve, or None for all."""

    name: str
    path: Path
    versions: frozenset[int] | None = None

    def version(self, number: int) -> Path:
        """Return the folder of a version."""
        return self.path / str(number)

    def with_versions_of(self, other: "ModelFolder") -> "ModelFolder":
        """Return the folder with the versions of both."""
        if self.versions is None or other.versions is None:
            return replace(self, versions=None)
        return replace(self, versions=self.versions | other.versions)

    def serves(self, number: int) -> bool:
        """Return whether a version is to be served if it exists."""
        return self.versions is None or number in self.versions


@dataclass(frozen=True)
class Contents:
    """The signature of each version, newest first, and the labels or why they are unreadable."""

    signatures: Mapping[int, Signature]
    labels: Labels


def find_model_folders(exported: Path) -> list[ModelFolder]:
    """Return the folders in ``exported`` whose names fit into a URL path.

    Raises:
        OSError: the folder does not exist, or cannot be read.
    """
    folders = sorted(path for path in exported.iterdir() if path.name[0] != ".")
    return [ModelFolder(path.name, path) for path in folders if _NAME.fullmatch(path.name)]


def reserved_name(name: str) -> str:
    """Return why a model of a reserved name is not served, and what to do."""
    return (
        f"/v2/models/{name} is a path of the server, so no model can have the name {name!r}. "
        "Publish it under another name (pipeline run name=NAME)."
    )


def read_contents(folder: ModelFolder) -> Contents:
    """Look at a model's folder; the files of its versions are not opened.

    Raises:
        OSError: the folder cannot be read.
    """
    for _ in range(_ATTEMPTS):
        # In this order, since a version is published before its label.
        labels = _labels(folder)
        numbers = [n for n in reversed(versions_of(folder.path)) if folder.serves(n)]
        if isinstance(labels, ModelError) or set(labels.values()) <= set(numbers):
            break  # otherwise a label may have been moved before its version was removed
    signatures = {number: _signature(folder.version(number)) for number in numbers}
    return Contents(signatures, labels)


def _labels(folder: ModelFolder) -> Labels:
    """Return the labels; those of versions that are not to be served are left out."""
    try:
        labels = read_labels(folder.path)
    except ModelError as error:
        return error
    return {label: number for label, number in labels.items() if folder.serves(number)}


def _signature(folder: Path) -> Signature:
    """Return the names, sizes in bytes and modification times in nanoseconds of the files.

    The signature, which lies beside the folder, is among them.
    """
    try:
        files = [(path, path.lstat()) for path in sorted(islice(folder.rglob("*"), _MAX_FILES))]
        if (signed := signature_path(folder)).exists():
            files.append((signed, signed.lstat()))
    except OSError:  # a file has just been removed; look again next time
        return ()
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in files)
