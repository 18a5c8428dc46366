"""Reading published models: versions, labels, and files that match the manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import jiter
from pydantic import Field, TypeAdapter, ValidationError

from pipeline.artifacts.files import alteration
from pipeline.artifacts.formats import FORMATS, artifact_files, artifact_name, formats_in
from pipeline.errors import ModelError, sentence
from pipeline.publishing.manifest import Manifest
from pipeline.system.regular_files import read_regular

MANIFEST = "manifest.json"
CARD = "README.md"
LABELS = "labels.json"
STABLE = "stable"  # the label of the version that is used by default
_MANIFEST_BYTES = 16 * 2**20  # of one that lists 100,000 files
_LABELS_BYTES = 2**16  # of 2,000 labels
_LABELS = TypeAdapter(dict[str, Annotated[int, Field(ge=1, le=10**9)]])


@dataclass(frozen=True)
class PublishedModel:
    """One version of a published model; its files are checked before they are opened.

    ``text`` is the manifest as it was read once, ``document`` its JSON, and ``manifest`` its
    validated form. ``pinned`` are those of its labels that runs leave where they are, if known.
    """

    name: str
    version: int
    path: Path
    text: bytes = field(repr=False)
    document: dict[str, Any] = field(repr=False)
    labels: tuple[str, ...]
    manifest: Manifest = field(repr=False)
    pinned: tuple[str, ...] = field(default=(), repr=False)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the probabilities."""
        return self.manifest.class_names

    @property
    def formats(self) -> list[str]:
        """The published formats that are present in the folder."""
        return [name for name in formats_in(self.path) if name in self.manifest.formats]

    def alterations(self) -> list[str]:
        """Return a message for every file that is missing or differs from the published one."""
        found = self._unlisted()
        changes = (alteration(self.path, *listed) for listed in self.manifest.files.items())
        return found + [change for change in changes if change is not None]

    def _unlisted(self) -> list[str]:
        """Return a message for every missing format, and every file that the manifest omits.

        Files that are opened must be listed, since only listed files are compared.
        """
        unknown = [name for name in self.manifest.formats if name not in FORMATS]
        found = [f"the format {name} is unknown" for name in unknown]
        present = formats_in(self.path)
        found += [
            f"{artifact_name(name)} is missing"
            for name in self.manifest.formats
            if name in FORMATS and name not in present
        ]
        inside = {
            path.relative_to(self.path).as_posix()
            for name in present
            for path in artifact_files(self.path, name)
        }
        listed = set(self.manifest.files)
        return found + [f"{name} is not in the manifest" for name in sorted(inside - listed)]

    def require_unaltered(self) -> None:
        """Check that no file was altered since publication.

        Raises:
            ModelError: a file was altered.
        """
        found = self.alterations()
        if found:
            raise ModelError(
                f"{self.path} was altered after it was published: {'; '.join(found)}. "
                "None of its files were opened. Restore them, or publish again (pipeline run)."
            )


def find_published(path: Path) -> PublishedModel:
    """Return the model in ``exported/<name>/<version>``, or the default version of a model.

    The default version is the one labeled ``stable``, or else the newest.

    Raises:
        ModelError: the folder is not a published model.
    """
    if (path / MANIFEST).is_file():
        return read_version(path)
    versions = versions_of(path)
    if not versions:
        or_file = "" if path.is_file() else " or a single file"
        raise ModelError(
            "A model must be a published folder (exported/NAME or exported/NAME/VERSION)"
            f"{or_file}; got {path}, which {_state(path)}. List the published models with "
            "pipeline models."
        )
    version = read_labels(path).get(STABLE, versions[-1])
    if version not in versions:
        raise missing_version(path, STABLE, version)
    return read_version(path / str(version))


def missing_version(model_folder: Path, label: str, version: int) -> ModelError:
    """Return the error for a label that refers to a version that does not exist."""
    versions = versions_of(model_folder)
    return ModelError(
        f"The label {label} in {model_folder / LABELS} refers to version {version}, which does not "
        f"exist; the versions are {', '.join(map(str, versions)) or 'none'}. Correct the label, or "
        "specify a version."
    )


def read_version(path: Path, labels: Mapping[str, int] | None = None) -> PublishedModel:
    """Return one version by its folder; ``labels`` are those of the model if they are known.

    Raises:
        ModelError: its manifest cannot be read or is invalid, or else the labels.
    """
    try:
        text = read_regular(path / MANIFEST, _MANIFEST_BYTES)
        document = _parse(text)
        manifest = Manifest.model_validate_json(text)
    except (OSError, ValueError) as error:  # pydantic's error is a ValueError
        raise ModelError(
            f"Cannot read {path / MANIFEST} as the manifest of a published model: "
            f"{_reason(error)} Restore the file, or remove the folder."
        ) from error
    labels = read_labels(path.parent) if labels is None else labels
    own = tuple(label for label, at in labels.items() if at == manifest.version)
    name, version = manifest.name, manifest.version
    return PublishedModel(name, version, path, text, document, own, manifest)


def versions_of(model_folder: Path) -> list[int]:
    """Return the version numbers of ``exported/<name>`` that are folders, newest last."""
    return [number for number in taken_numbers(model_folder) if _is_folder(model_folder, number)]


def taken_numbers(model_folder: Path) -> list[int]:
    """Return every number that is in use, whether by a folder or by a file, in order."""
    if not model_folder.is_dir():
        return []
    names = (path.name for path in model_folder.iterdir())
    return sorted(int(name) for name in names if name.isdecimal() and name == str(int(name)))


def read_labels(model_folder: Path) -> dict[str, int]:
    """Return the labels of ``exported/<name>``: name -> version.

    Raises:
        ModelError: the file is not a mapping of labels to versions.
    """
    try:
        document = _parse(read_regular(model_folder / LABELS, _LABELS_BYTES))
        return _LABELS.validate_python(document, strict=True)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(
            f'{model_folder / LABELS} must map labels to versions, as in {{"stable": 3}}: '
            f"{_reason(error)} Correct or remove the file."
        ) from error


def _parse(text: bytes) -> Any:
    """Parse JSON without duplicate keys, which parsers interpret differently."""
    return jiter.from_json(text, catch_duplicate_keys=True)


def _is_folder(model_folder: Path, number: int) -> bool:
    return (model_folder / str(number)).is_dir()


def _reason(error: Exception) -> str:
    """Return the message of an error; of pydantic's, which has several lines, the first one."""
    if isinstance(error, OSError):
        return f"{error.strerror}."  # the path is in the sentence already
    if not isinstance(error, ValidationError):
        return sentence(error)
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}." if place else f"{message}."


def _state(path: Path) -> str:
    if not path.exists():
        return "does not exist"
    if path.is_dir():
        return "contains no version with a manifest.json"
    return "is a single file" if path.is_file() else "is neither a file nor a folder"
