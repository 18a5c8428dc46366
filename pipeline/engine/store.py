"""Stage outputs on disk: ``runs/<stage>/<fingerprint>/`` with a ``manifest.json``."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pipeline.artifacts.files import FileDescription, describe_files
from pipeline.artifacts.serialization import from_json, to_json
from pipeline.artifacts.stage_facts import Facts
from pipeline.system.atomic import new_folder, sha256

MANIFEST = "manifest.json"
F = TypeVar("F", bound=Facts)


@dataclass(frozen=True)
class Ingredients:
    """Everything a stage's output depends on; ``config`` maps keys to JSON values."""

    stage: str
    config: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class StageFiles:
    """The files of one complete output."""

    path: Path
    outputs: dict[str, FileDescription]

    def is_unaltered(self) -> bool:
        """Return whether every file still has its SHA-256."""
        files = self.outputs.items()
        return all(_has_sha256(self.path / name, file.sha256) for name, file in files)


@dataclass(frozen=True)
class StageOutput(StageFiles, Generic[F]):
    """One complete output with the contents of its manifest; ``seconds`` is its running time."""

    fingerprint: str
    ingredients: Ingredients
    facts: F
    seconds: float


@dataclass
class Writing:
    """A stage's folder while it is being written; ``facts`` go into the manifest."""

    folder: Path
    facts: Facts | None = None


class Store:
    """Finds complete outputs and adds new ones; an incomplete folder never appears."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stage: str, fingerprint: str) -> Path:
        """Return the path of an output, whether or not it exists."""
        return self.root / stage / fingerprint

    def find(self, facts: type[F], fingerprint: str) -> StageOutput[F] | None:
        """Return the complete output of the stage that reports these facts.

        None if it, or one of its files, is missing. Only sizes are compared; SHA-256 is compared
        (``is_unaltered``) before a stage reads the files.
        """
        path = self.folder(facts.stage, fingerprint)
        manifest = _read_json(path / MANIFEST)
        files = _complete_files(path, manifest)
        if files is None:
            return None
        try:
            return StageOutput(
                path=files.path,
                outputs=files.outputs,
                fingerprint=fingerprint,
                ingredients=from_json(Ingredients, manifest.get("ingredients")),
                facts=from_json(facts, manifest.get("facts")),
                seconds=from_json(float, manifest.get("seconds")),
            )
        except ValueError:
            return None

    def find_files(self, stage: str, fingerprint: str) -> StageFiles | None:
        """Return the files of a complete output, written by any version of the package."""
        path = self.folder(stage, fingerprint)
        return _complete_files(path, _read_json(path / MANIFEST))

    def seconds_of(self, stage: str, fingerprint: str) -> float | None:
        """Return the running time of a stage, or None if it has no output."""
        seconds = _read_json(self.folder(stage, fingerprint) / MANIFEST).get("seconds")
        return seconds if isinstance(seconds, float) else None

    def all_of(self, facts: type[F]) -> list[StageOutput[F]]:
        """Return all complete outputs of the stage that reports these facts, newest first."""
        folders = [p for p in (self.root / facts.stage).glob("*") if not p.name.startswith(".")]
        folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        found = (self.find(facts, path.name) for path in folders)
        return [output for output in found if output is not None]

    @contextmanager
    def write(
        self,
        facts: type[Facts],
        fingerprint: str,
        ingredients: Ingredients,
        *,
        replace: bool = False,
    ) -> Iterator[Writing]:
        """Yield an empty folder that becomes the stage's output when the block ends.

        A damaged output is replaced; a complete one only with ``replace``.

        Raises:
            FolderExists: another process has finished the same output in the meantime.
            StorageError: the folder cannot be written.
        """
        started = time.monotonic()
        target = self.folder(facts.stage, fingerprint)
        damaged = target.exists() and self.find(facts, fingerprint) is None
        with new_folder(target, replace=replace or damaged) as folder:
            writing = Writing(folder)
            yield writing
            manifest = {
                "stage": facts.stage,
                "fingerprint": fingerprint,
                "ingredients": ingredients.as_json(),
                "outputs": to_json(describe_files(folder)),
                "facts": to_json(writing.facts),
                "seconds": round(time.monotonic() - started, 3),
            }
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def _has_sha256(path: Path, expected: str) -> bool:
    """Return whether a file has this SHA-256; it is read again only if it has changed since."""
    seen = path.stat()
    state = seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, expected
    if _verified.get(path) == state:
        return True
    if sha256(path) != expected:
        return False
    _verified[path] = state
    return True


_verified: dict[Path, tuple[Any, ...]] = {}  # a study reads the same data hundreds of times


def _read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object, or an empty one if the file is missing or damaged."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _complete_files(path: Path, manifest: dict[str, Any]) -> StageFiles | None:
    try:
        outputs = from_json(dict[str, FileDescription], manifest.get("outputs"))
        complete = all(_has_size(path / name, file) for name, file in outputs.items())
    except (OSError, ValueError):
        return None
    return StageFiles(path, outputs) if complete else None


def _has_size(path: Path, file: FileDescription) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes
