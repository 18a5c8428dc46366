"""The content of a folder of pictures, as a hash that identifies it."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.folder_keys import missing_path
from pipeline.data.folder_index import Index, Picture, index_folder
from pipeline.data.in_threads import in_threads
from pipeline.errors import DataFileError
from pipeline.progress import IMAGES
from pipeline.system.atomic import sha256

if TYPE_CHECKING:
    from pipeline.config.data_schema import Data
    from pipeline.progress import Progress

_Stamp = tuple[tuple[str, int, int, int], ...]
_known: dict[Path, tuple[_Stamp, "Content"]] = {}  # so that one command reads a folder once


@dataclass(frozen=True)
class Content:
    """The pictures of a folder, the SHA-256 of each, and one of all their paths and bytes."""

    index: Index
    sums: tuple[str, ...]
    sha256: str


def content_of(data: "Data", progress: "Progress") -> Content:
    """Return the content of the folder that the configuration names.

    Raises:
        InvalidValue: it is not named, does not exist, or its pictures are not in class folders.
        DataFileError: a file cannot be read.
    """
    if not data.path:
        raise missing_path()
    return read_content(Path(data.path).expanduser(), progress)


def read_content(root: Path, progress: "Progress") -> Content:
    """Return the content of a folder, whose files are read unless they are unchanged.

    Raises:
        InvalidValue: the folder does not exist, or its pictures are not in class folders.
        DataFileError: a file cannot be read.
    """
    index = index_folder(root)
    stamp = tuple(_stamp(root, picture) for picture in index.pictures)
    before, content = _known.get(root.resolve(), (None, None))
    if content is None or before != stamp:
        content = _read(index, progress)
        _known[root.resolve()] = (stamp, content)
    return Content(index, content.sums, content.sha256)


def _stamp(root: Path, picture: Picture) -> tuple[str, int, int, int]:
    try:
        found = (root / picture.path).stat()
    except OSError as error:
        raise _unreadable(root / picture.path, error) from error
    return picture.path, found.st_size, found.st_mtime_ns, found.st_ino


def _read(index: Index, progress: "Progress") -> Content:
    def hash_one(picture: Picture) -> str:
        path = index.root / picture.path
        try:
            return sha256(path)
        except OSError as error:
            raise _unreadable(path, error) from error

    sums: list[str] = []
    total = len(index.pictures)
    with progress.task(f"hashing {index.root.name}", total=total, unit=IMAGES) as task:
        for chunk in in_threads(hash_one, index.pictures):
            sums += chunk
            task.update(len(sums))
    whole = hashlib.sha256()
    for picture, one in zip(index.pictures, sums, strict=True):
        whole.update(os.fsencode(picture.path) + b"\0" + one.encode() + b"\n")
    return Content(index, tuple(sums), whole.hexdigest())


def _unreadable(path: Path, error: OSError) -> DataFileError:
    return DataFileError(
        f"Cannot read {path}: {error.strerror}. Correct or remove the file, and run again."
    )
