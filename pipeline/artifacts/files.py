"""Sizes and hashes of the files in a folder."""

import hashlib
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from pipeline.system.atomic import sha256
from pipeline.system.regular_files import open_regular, size_of

_CHUNK_BYTES = 2**18  # as in hashlib.file_digest


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


def alteration(folder: Path, name: str, expected: FileDescription) -> str | None:
    """Return how a file differs from its description, or None if it does not.

    A file of another size is not read, and no more is read than the expected size.
    """
    try:
        with open_regular(folder / name) as file:
            size = size_of(file)
            if size != expected.bytes:
                return f"{name} has {size} bytes instead of {expected.bytes}"
            if _sha256(file, size) != expected.sha256:
                return f"{name} does not have the SHA-256 {expected.sha256}"
    except FileNotFoundError:
        return f"{name} is missing"
    except OSError as error:
        return f"{name} cannot be read: {error.strerror}"
    return None


def _sha256(file: BufferedReader, size: int) -> str:
    digest = hashlib.sha256()
    while size > 0 and (chunk := file.read(min(size, _CHUNK_BYTES))):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest()
