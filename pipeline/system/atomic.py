"""Atomic files and folders: written under a temporary name, synced, renamed."""

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pipeline.errors import PipelineError, StorageError
from pipeline.system.regular_files import open_regular


class FolderExists(Exception):
    """The folder exists already; the new one is discarded."""


_TEMPORARY = ".tmp-"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a regular file as 64 hexadecimal digits."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def new_folder(
    target: Path, *, replace: bool = False, setting: str = "--workspace"
) -> Iterator[Path]:
    """Yield an empty folder that becomes ``target`` when the block ends without an error.

    If ``target`` exists by then, it is replaced with ``replace``; otherwise ``FolderExists`` is
    raised. ``setting`` is the option that selects the folder.

    Raises:
        StorageError: the folder cannot be written (permission, space, a system limit).
    """
    temporary = temporary_path(target)
    try:
        # Inside the try: the cleanup below frees space, so errors must be explained before it.
        with explain_storage_errors(target, setting=setting):
            target.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(target.parent)
            temporary.mkdir()
            yield temporary
            _sync_tree(temporary)
            _move(temporary, target, replace)
            _sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def locked(
    folder: Path, *, shared: bool = False, on_wait: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold an exclusive lock on a folder, or a ``shared`` one.

    The operating system releases it when the process ends for any reason. ``on_wait`` is called
    if another process holds the lock.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)


def write_file(
    target: Path,
    content: bytes,
    *,
    sync: bool = True,
    mode: int = 0o666,
    setting: str = "--workspace",
) -> None:
    """Write a file atomically: readers see either the old or the new content.

    Without ``sync``, that holds if the process is killed, but not if the machine loses power.
    ``mode`` are its permissions, less those that the umask withholds. ``setting`` is the option
    that selects the folder.

    Raises:
        StorageError: the file cannot be written.
    """
    temporary = temporary_path(target)
    try:
        with explain_storage_errors(target, setting=setting):
            with open(temporary, "wb", opener=partial(os.open, mode=mode)) as file:
                file.write(content)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            temporary.replace(target)
            if sync:
                _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def move_file(source: Path, target: Path) -> None:
    """Rename a synced file, replacing ``target``, and sync the folder."""
    source.replace(target)
    _sync(target.parent)


@contextmanager
def explain_storage_errors(target: Path, *, setting: str = "--workspace") -> Iterator[None]:
    """Turn errors caused by a full disk or missing permissions into one clear error.

    Libraries wrap such errors in their own classes, so a full disk is also recognized by its free
    space. ``setting`` is the option that selects the folder.

    Raises:
        StorageError: the target cannot be written.
    """
    try:
        yield
    except (FolderExists, PipelineError):
        raise
    except Exception as error:
        number = _storage_errno(error, target)
        if number is None:
            raise
        named = error.filename if isinstance(error, OSError) else None
        advice = "Free some space or choose another" if number in _NO_SPACE else "Choose another"
        raise StorageError(
            f"Cannot read or write {named or target}: {_STORAGE_ERRNOS[number]}. No part of "
            f"{target} was saved. {advice} folder ({setting}), and run again."
        ) from error


_STORAGE_ERRNOS = {
    errno.ENOSPC: "no space left on the device",
    errno.EDQUOT: "disk quota exceeded",
    errno.EFBIG: "the file would exceed the system's size limit",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOTDIR: "part of the path is a file, not a folder",
}
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_FULL_BYTES = 64 * 1024  # a file system with less free space than this counts as full


def _storage_errno(error: Exception, target: Path) -> int | None:
    """Return the number of the error if it is due to storage; libraries discard it."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in _STORAGE_ERRNOS else None
    nearest = next(folder for folder in [target, *target.absolute().parents] if folder.exists())
    usage = shutil.disk_usage(nearest)
    return errno.ENOSPC if usage.total and usage.free < _FULL_BYTES else None


def temporary_path(target: Path) -> Path:
    """Return a new name in the same folder, from which a file or folder can be renamed."""
    suffix = f"{secrets.token_hex(4)}-{socket.gethostname()}-{os.getpid()}"
    return target.parent / f"{_TEMPORARY}{target.name}-{suffix}"


def remove_abandoned(parent: Path) -> None:
    """Remove temporary files that killed processes of this machine have left behind."""
    for temporary in abandoned(parent):
        _remove(temporary)


def abandoned(parent: Path) -> Iterator[Path]:
    """Yield the temporary files that killed processes of this machine have left behind."""
    for temporary in parent.glob(f"{_TEMPORARY}*-{socket.gethostname()}-*"):
        pid = temporary.name.rpartition("-")[2]
        if pid.isdigit() and not _is_alive(int(pid)):
            yield temporary


def remove(path: Path) -> None:
    """Remove a file or folder that exists; if the process is killed, no part keeps its name.

    Raises:
        OSError: it cannot be removed.
    """
    temporary = temporary_path(path)
    path.rename(temporary)
    if temporary.is_dir() and not temporary.is_symlink():
        shutil.rmtree(temporary)
    else:
        temporary.unlink()


def _remove(path: Path) -> None:
    """Remove a file or folder; another process may be doing the same."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _move(temporary: Path, target: Path, replace: bool) -> None:
    if replace and target.exists():
        old = temporary_path(target)
        target.rename(old)
        temporary.rename(target)
        shutil.rmtree(old, ignore_errors=True)
        return
    if target.exists():
        raise FolderExists(target)
    try:
        temporary.rename(target)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:  # another process was faster
            raise FolderExists(target) from error
        raise


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
