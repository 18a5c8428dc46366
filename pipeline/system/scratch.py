"""Scratch folders, also removed if their process was killed."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Not only pipeline-: older releases use names that begin so for folders that they do not lock.
PREFIX = "pipeline-scratch-"


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder that is removed when the block ends.

    It is in ``parent``, by default the system's temporary folder.

    A lock marks it as in use. The system releases the lock however this process ends, so that the
    next one can remove what was left behind; unlike process numbers, locks are never reused.
    """
    parent = parent or Path(tempfile.gettempdir())
    remove_abandoned_scratch(parent)
    folder, descriptor = _new_locked_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_abandoned_scratch(parent: Path | None = None) -> None:
    """Remove the scratch folders of this user whose processes have ended."""
    for folder in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        with suppress(OSError):  # another process removed it, or owns it
            _remove_if_abandoned(folder)


def _new_locked_folder(parent: Path) -> tuple[Path, int]:
    """Return a new folder and the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        with suppress(FileNotFoundError):
            descriptor = _open(folder)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Another process may have removed it before it was locked.
            if folder.is_dir():
                return folder, descriptor
            os.close(descriptor)


def _remove_if_abandoned(folder: Path) -> None:
    descriptor = _open(folder)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
