"""Waiting for threads that may never end, and taking turns with them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from pipeline.system import daemon_threads

A = TypeVarTuple("A")
T = TypeVar("T")


async def call_in_thread(
    seconds: float, on_late: Callable[[bool], None], function: Callable[[*A], T], *args: *A
) -> T:
    """Call a function in a thread that shutdown does not wait for, and return its result.

    If it takes longer than ``seconds``, ``on_late`` is called with True, and with False once it
    has returned.
    """
    future = asyncio.wrap_future(daemon_threads.start(function, *args))
    try:
        await asyncio.wait([future], timeout=seconds)
        if not future.done():
            on_late(True)
            await asyncio.wait([future])
            on_late(False)
        return await future
    finally:
        future.cancel()  # if this was canceled, the loop may be closed when the thread ends


class Turns:
    """One folder after the other has its turn; while one is late, the others do not wait."""

    def __init__(self) -> None:
        self._taken: set[Path] = set()
        self._late: set[Path] = set()
        self._free = asyncio.Event()
        self._free.set()

    async def take(self, folder: Path) -> None:
        """Wait for the turn of a folder."""
        while not self._free.is_set():
            await self._free.wait()
        self._taken.add(folder)
        self._update()

    def be_late(self, folder: Path) -> None:
        """Let others go ahead."""
        self._late.add(folder)
        self._update()

    def end(self, folder: Path) -> None:
        """End the turn of a folder."""
        self._taken.discard(folder)
        self._late.discard(folder)
        self._update()

    def _update(self) -> None:
        if self._late or not self._taken:
            self._free.set()
        else:
            self._free.clear()
