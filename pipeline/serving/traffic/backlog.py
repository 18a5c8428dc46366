"""A bounded queue from the event loop to one thread; the event loop never waits."""

import queue
from typing import Generic, TypeVar

T = TypeVar("T")


class Backlog(Generic[T]):
    """Items of a size in bytes, which count until the thread is done with them.

    Each counter has one writer, so that no lock is needed.
    """

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items, self._max_bytes = max_items, max_bytes
        self._queue: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._put_items = self._put_bytes = self._done_items = self._done_bytes = 0

    def put(self, item: T, size: int) -> bool:
        """Add an item; return False, and do not, if there are too many."""
        items, size_of_all = self._put_items - self._done_items, self._put_bytes - self._done_bytes
        if items >= self._max_items or (items and size_of_all + size > self._max_bytes):
            return False
        self._put_items += 1
        self._put_bytes += size
        self._queue.put(item)
        return True

    def close(self) -> None:
        """Let the thread end after the items that were added."""
        self._queue.put(None)

    def get(self, seconds: float | None = None) -> T | None:
        """Return the next item, or None at the end.

        Raises:
            queue.Empty: there is none within ``seconds``.
        """
        return self._queue.get(timeout=seconds)

    def done(self, size: int) -> None:
        """Let others take the place of an item."""
        self._done_items += 1
        self._done_bytes += size
