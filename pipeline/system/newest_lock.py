"""A lock file that shows whether a process is alive, and which of several began last.

Each process puts a new file, which it has locked, in the place of the former one. The operating
system unlocks a file when its process ends for any reason.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.system.atomic import explain_storage_errors, temporary_path


@contextmanager
def newest_lock(path: Path) -> Iterator[Callable[[], bool]]:
    """Hold the newest lock; yield whether no process that began later is alive.

    Raises:
        StorageError: the file cannot be written.
    """
    temporary = temporary_path(path)
    with explain_storage_errors(path):
        descriptor = os.open(temporary, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        temporary.replace(path)
        yield lambda: _is_file(descriptor, path) or not is_locked(path)
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Return whether the process that began last is alive."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: readers agree
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
