"""Reading published models: versions, labels, and files that are what the manifest says."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.atomic import sha256
from pipeline.errors import ModelError
from pipeline.export.formats import formats_in
from pipeline.store import StageOutput

MANIFEST = "manifest.json"
LABELS = "labels.json"


@dataclass(frozen=True)
class PublishedModel:
    """One version of a published model; its files are checked before they are opened."""

    name: str
    version: int
    path: Path
    manifest: dict[str, Any]
    labels: tuple[str, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the probabilities."""
        return tuple(self.manifest["class_names"])

    @property
    def formats(self) -> list[str]:
        """The formats that were published."""
        return [name for name in formats_in(self.path) if name in self.manifest["formats"]]

    def alterations(self) -> list[str]:
        """Return a sentence for every file that is missing or not as it was published."""
        found = []
        for name, file in self.manifest["files"].items():
            path = self.path / name
            if not path.is_file():
                found.append(f"{name} is missing")
            elif path.stat().st_size != file["bytes"]:
                found.append(f"{name} has {path.stat().st_size} bytes instead of {file['bytes']}")
            elif sha256(path) != file["sha256"]:
                found.append(f"{name} has another SHA-256 than {file['sha256']}")
        return found

    def require_unaltered(self) -> None:
        """Demand that every file is as it was published.

        Raises:
            ModelError: one is not.
        """
        found = self.alterations()
        if found:
            raise ModelError(
                f"{self.path} must be as it was published; got: {'; '.join(found)}. "
                "Nothing of it is opened. Restore the files, or publish again (pipeline run)."
            )


def find_published(path: Path) -> PublishedModel:
    """Return ``exported/<name>/<version>``, or of ``exported/<name>`` the version that counts.

    That is the one labelled ``stable``, else the newest.

    Raises:
        ModelError: the folder is not a published model.
    """
    if (path / MANIFEST).is_file():
        return read_version(path)
    versions = versions_of(path)
    if not versions:
        raise ModelError(
            f"A model must be a published folder (exported/NAME or exported/NAME/VERSION) or a "
            f"file; got {path}, which {_what_is(path)}. See what is published: pipeline models."
        )
    version = read_labels(path).get("stable", versions[-1])
    if version not in versions:
        raise ModelError(
            f"The label stable must name a version that exists; got {version} in {path / LABELS}, "
            f"with versions {', '.join(map(str, versions))}. Name one: {path}/{versions[-1]}."
        )
    return read_version(path / str(version))


def read_version(path: Path) -> PublishedModel:
    """Return one version by its folder.

    Raises:
        ModelError: its manifest cannot be read.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        name, version = str(manifest["name"]), int(manifest["version"])
        manifest["files"], manifest["formats"], manifest["class_names"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path / MANIFEST} must be the manifest of a published model; got "
            f"{type(error).__name__}: {error}. Publish again (pipeline run)."
        ) from error
    labels = tuple(label for label, at in read_labels(path.parent).items() if at == version)
    return PublishedModel(name, version, path, manifest, labels)


def versions_of(model_folder: Path) -> list[int]:
    """Return the version numbers of ``exported/<name>``, the newest last."""
    if not model_folder.is_dir():
        return []
    folders = (path for path in model_folder.iterdir() if path.name.isdecimal() and path.is_dir())
    return sorted(int(path.name) for path in folders)


def read_labels(model_folder: Path) -> dict[str, int]:
    """Return the labels of ``exported/<name>``: name -> version."""
    try:
        labels = json.loads((model_folder / LABELS).read_text())
        return {str(label): int(version) for label, version in labels.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelError(
            f'{model_folder / LABELS} must map labels to versions, as in {{"stable": 3}}; got '
            f"{error}. Mend or remove it."
        ) from error


def is_published(output: StageOutput, exported: Path) -> bool:
    """Whether the version that a ``publish`` stage added is still there."""
    version = exported / output.facts["name"] / str(output.facts["version"])
    try:
        manifest = json.loads((version / MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    return bool(manifest.get("fingerprint") == output.fingerprint)


def list_published(exported: Path) -> list[PublishedModel]:
    """Return every version of every model below ``exported``, by name and number."""
    folders = sorted(path for path in exported.glob("*") if path.is_dir())
    return [
        read_version(folder / str(version)) for folder in folders for version in versions_of(folder)
    ]


def _what_is(path: Path) -> str:
    if not path.exists():
        return "does not exist"
    return "holds no version with a manifest.json" if path.is_dir() else "is a file"
