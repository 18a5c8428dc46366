"""Loading and unloading models in all workers of a server, whichever of them gets the request.

A file in a folder that all workers share has the names of the unloaded models. After a change, each
worker gets a message on its Unix socket, and reads the file. All workers therefore reach the same
state, even one that was suspended during several changes, or that starts later.
"""

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from pipeline.errors import MachineError, StorageError
from pipeline.serving.errors import ServingError
from pipeline.serving.settings import Settings
from pipeline.serving.watcher import Watcher
from pipeline.system.atomic import write_file

Action = Literal["load", "unload"]
_RETRY_SECONDS = 0.02
_MAX_LOADS = 3  # times --load-seconds: the folder, a version, another request


class Repository:
    """The models that this worker serves, changed together with those of the other workers."""

    def __init__(self, settings: Settings, watcher: Watcher) -> None:
        self._folder, self._watcher = settings.shared_folder, watcher
        self._seconds = _MAX_LOADS * settings.limits.load_seconds
        self._busy = asyncio.Lock()
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Listen to the other workers, and unload what they have unloaded.

        Raises:
            MachineError: the path of the shared folder is too long for a socket.
        """
        if self._folder is None:
            return
        path = self._own_socket(self._folder)
        path.unlink(missing_ok=True)  # of a process that had the same number
        try:
            self._server = await asyncio.start_unix_server(self._serve_worker, path)
        except OSError as error:
            raise MachineError(
                f"Cannot open the socket {path}: {error.strerror or error}. Set TMPDIR to a folder "
                "with a short path."
            ) from error
        for name in _read_unloaded(self._folder):
            self._watcher.unload(name)

    def close(self) -> None:
        """Stop listening."""
        if self._server and self._folder:
            self._server.close()
            self._own_socket(self._folder).unlink(missing_ok=True)

    async def change(self, action: Action, name: str) -> None:
        """Load or unload a model in every worker.

        Raises:
            ServingError: (503) the change cannot be saved for all workers; (504) one of them does
                not respond in time.
        """
        # A client that leaves must not leave some workers behind.
        await asyncio.shield(asyncio.create_task(self._change(action, name)))

    async def _change(self, action: Action, name: str) -> None:
        try:
            async with asyncio.timeout(self._seconds), self._turn():
                if self._folder:
                    _save(self._folder, action, name)
                await asyncio.gather(self._apply(action, name), *self._tell_others(name))
        except TimeoutError:
            raise ServingError(
                504,
                f"Could not {action} {name} in every worker within {self._seconds:g} s: the file "
                "system may not respond, or another request takes too long. Try again.",
            ) from None

    async def _apply(self, action: Action, name: str) -> None:
        if action == "load":
            await self._watcher.load(name)
        else:
            self._watcher.unload(name)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until no other worker changes something: all must see changes in the same order."""
        async with self._busy:
            if self._folder is None:
                yield
                return
            descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                while not _is_locked(descriptor):
                    await asyncio.sleep(_RETRY_SECONDS)
                yield
            finally:
                os.close(descriptor)

    def _tell_others(self, name: str) -> list["asyncio.Task[None]"]:
        if self._folder is None:
            return []
        sockets = set(self._folder.glob("*.socket")) - {self._own_socket(self._folder)}
        return [asyncio.create_task(_tell(path, name)) for path in sockets]

    async def _serve_worker(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Load or unload the model that another worker names, and respond with an empty line."""
        assert self._folder
        try:
            name = json.loads(await reader.readuntil())
            await self._apply("unload" if name in _read_unloaded(self._folder) else "load", name)
            writer.write(b"\n")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):  # it no longer waits
            pass
        finally:
            writer.close()

    @staticmethod
    def _own_socket(folder: Path) -> Path:
        return folder / f"{os.getpid()}.socket"


async def _tell(path: Path, name: str) -> None:
    """Wait until a worker has read the file; one that has ended reads it if it restarts."""
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return
    try:
        writer.write(json.dumps(name).encode() + b"\n")
        await writer.drain()
        await reader.readline()
    except OSError:
        pass
    finally:
        writer.close()


def _is_locked(descriptor: int) -> bool:
    """Lock a folder unless another process has; the lock ends with the process."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unloaded_file(folder: Path) -> Path:
    return folder / "unloaded.json"


def _read_unloaded(folder: Path) -> list[str]:
    try:
        names: list[str] = json.loads(_unloaded_file(folder).read_bytes())
    except FileNotFoundError:
        return []
    return names


def _save(folder: Path, action: Action, name: str) -> None:
    try:
        _write_unloaded(folder, action, name)
    except (StorageError, OSError) as error:
        cause = error.__cause__ if isinstance(error, StorageError) else error
        reason = getattr(cause, "strerror", None) or cause
        raise ServingError(
            503,
            f"Could not {action} {name} in any worker: cannot write {_unloaded_file(folder)}: "
            f"{reason}. Make the server's temporary folder (TMPDIR) writable, with free space, and "
            "try again.",
        ) from error


def _write_unloaded(folder: Path, action: Action, name: str) -> None:
    names = set(_read_unloaded(folder)) - {name}
    names |= {name} if action == "unload" else set()
    write_file(_unloaded_file(folder), json.dumps(sorted(names)).encode(), sync=False)
