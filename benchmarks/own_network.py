"""Processes in a network of their own that has loopback only, as TensorFlow listens everywhere."""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP


class OwnNetwork:
    """Starts processes from a thread that has a network of its own, which they inherit."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        """Use a thread that has left the network of this process."""
        self._thread = thread
        self._started: list[subprocess.Popen[str]] = []

    def start(self, command: Sequence[object], **options: Any) -> "subprocess.Popen[str]":
        """Start a process as ``subprocess.Popen`` does, in text mode."""
        arguments = list(map(str, command))

        def started() -> "subprocess.Popen[str]":
            return subprocess.Popen(arguments, text=True, **options)

        self._started.append(self._thread.submit(started).result())
        return self._started[-1]

    def end(self) -> None:
        """Kill the processes that are still running, as after an error."""
        for process in self._started:
            process.kill()
            process.wait()


@contextmanager
def own_network() -> Iterator[OwnNetwork]:
    """Yield a new network; its processes end with this block.

    Raises:
        PermissionError: this process may not create a network namespace.
        OSError: the system cannot.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_leave_network).result()
        network = OwnNetwork(thread)
        try:
            yield network
        finally:
            network.end()


def _leave_network() -> None:
    """Move this thread to a new network with loopback."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "unshare"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if library.unshare(_NEW_NETWORK):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        [flags] = struct.unpack_from("H", fcntl.ioctl(control, _GET_FLAGS, request), 16)
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH14s", b"lo", flags | _UP, b""))
