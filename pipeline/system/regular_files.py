"""Reading files that come from elsewhere: regular files only, and no more than expected.

A name in such a folder may also be a named pipe, a device, or a link to one. Opening it can block,
and reading it may never end.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotRegularFile(OSError):
    """The path leads to a folder, a named pipe, a socket, or a device."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(errno.EINVAL, f"it must be a regular file; got {kind}", str(path))


class FileTooLarge(OSError):
    """The file is larger than allowed."""

    def __init__(self, path: Path, size: int, max_bytes: int) -> None:
        limit = f"it must have at most {max_bytes:,} bytes; got {size:,}"
        super().__init__(errno.EINVAL, limit, str(path))


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; symbolic links are followed.

    Raises:
        NotRegularFile: the path leads to something else, which is not read.
        OSError: it cannot be opened.
    """
    # Without O_NONBLOCK, opening a named pipe would wait for another process to write to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        raise NotRegularFile(path, _KINDS[kind])
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Return the content of a regular file of at most ``max_bytes``.

    Raises:
        NotRegularFile: the path leads to something else.
        FileTooLarge: the file is larger; it is not read.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        size = size_of(file)
        if size > max_bytes:
            raise FileTooLarge(path, size, max_bytes)
        return file.read(size)


def size_of(file: BufferedReader) -> int:
    """Return the size of an open file in bytes."""
    return os.fstat(file.fileno()).st_size
