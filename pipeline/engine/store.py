"""Stage outputs on disk: ``runs/<stage>/<fingerprint>/`` with a ``manifest.json``."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.system.atomic import new_folder, sha256

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class StageOutput:
    """One complete output folder and what its manifest says."""

    stage: str
    fingerprint: str
    path: Path
    manifest: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """What the stage found out, as JSON values."""
        return dict(self.manifest["facts"])

    def is_unaltered(self) -> bool:
        """Whether every file still has its SHA-256."""
        outputs = self.manifest["outputs"].items()
        return all(sha256(self.path / name) == file["sha256"] for name, file in outputs)

    @property
    def seconds(self) -> float:
        """How long the stage took when it ran, in seconds."""
        return float(self.manifest["seconds"])


@dataclass
class Writing:
    """A stage's folder while it is written; ``facts`` goes into the manifest."""

    folder: Path
    facts: dict[str, Any]


class Store:
    """Finds complete outputs and adds new ones; a folder is complete or not there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stage: str, fingerprint: str) -> Path:
        """Return where an output is or would be."""
        return self.root / stage / fingerprint

    def find(self, stage: str, fingerprint: str) -> StageOutput | None:
        """Return a complete output, or None where it is missing or files of it are."""
        path = self.folder(stage, fingerprint)
        manifest = _read_json(path / MANIFEST)
        if manifest is None or not _is_complete(path, manifest):
            return None
        return StageOutput(stage, fingerprint, path, manifest)

    def outputs(self, stage: str) -> list[StageOutput]:
        """Return all complete outputs of a stage, the newest first."""
        folders = [path for path in (self.root / stage).glob("*") if not path.name.startswith(".")]
        folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        found = (self.find(stage, path.name) for path in folders)
        return [output for output in found if output is not None]

    @contextmanager
    def write(
        self, stage: str, fingerprint: str, ingredients: dict[str, Any], *, replace: bool = False
    ) -> Iterator[Writing]:
        """Yield an empty folder; it becomes the stage's output when the block ends.

        A damaged output is replaced; a complete one only with ``replace``.

        Raises:
            FolderExists: another process has finished the same output meanwhile.
            StorageError: the folder cannot be written.
        """
        started = time.monotonic()
        target = self.folder(stage, fingerprint)
        damaged = target.exists() and self.find(stage, fingerprint) is None
        with new_folder(target, replace=replace or damaged) as folder:
            writing = Writing(folder, {})
            yield writing
            manifest = {
                "stage": stage,
                "fingerprint": fingerprint,
                "ingredients": ingredients,
                "outputs": describe_files(folder),
                "facts": writing.facts,
                "seconds": round(time.monotonic() - started, 3),
            }
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size in bytes and SHA-256 of every file below a folder, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in files
    }


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _is_complete(path: Path, manifest: dict[str, Any]) -> bool:
    """Sizes are compared here; SHA-256 where a stage reads the files (``is_unaltered``)."""
    kinds = {"outputs": dict, "facts": dict, "ingredients": dict, "seconds": int | float}
    if not all(isinstance(manifest.get(key), kind) for key, kind in kinds.items()):
        return False
    outputs = manifest["outputs"]
    return all(
        (path / name).is_file() and (path / name).stat().st_size == file["bytes"]
        for name, file in outputs.items()
    )
