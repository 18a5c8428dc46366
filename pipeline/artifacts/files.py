"""Sizes and hashes of the files in a folder."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.system.atomic import sha256


@dataclass(frozen=True)
class FileDescription:
    """The size in bytes and the SHA-256 of a file."""

    bytes: int
    sha256: str


def describe_files(folder: Path) -> dict[str, FileDescription]:
    """Return the size and SHA-256 of every file below a folder, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): FileDescription(path.stat().st_size, sha256(path))
        for path in files
    }
