"""The journal of a tracked run: what is to be sent, one JSON object a line, and how much was sent.

Each line is one ``write``, so that a killed run loses no completed one. A line that is damaged, by
a full disk for example, is skipped.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from pipeline.system.atomic import locked, write_file
from pipeline.tracking.events import Event


@dataclass(frozen=True)
class State:
    """How many bytes of the journal were sent, and why the last attempt failed."""

    sent: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Journal:
    """The journal of one run for one destination; ``path`` ends in ``.jsonl``."""

    path: Path

    @classmethod
    def of(cls, folder: Path, run: str, uri: str) -> "Journal":
        """Return the journal in a folder of the run with this id, for this destination."""
        destination = hashlib.sha256(uri.encode()).hexdigest()[:8]
        return cls(folder / f"{run}-{destination}.jsonl")

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.path.stem.rpartition("-")[0]

    @property
    def files(self) -> list[Path]:
        """The files that exist: the journal itself, how much was sent, the lock, the log."""
        return sorted(self.path.parent.glob(f"{escape(self.path.stem)}.*"))

    def append(self, *events: Event) -> None:
        """Append events.

        Raises:
            OSError: the file cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(f"{json.dumps(event)}\n" for event in events).encode()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                content = b"\n" + content  # the process before was killed while it wrote
            os.write(descriptor, content)
        finally:
            os.close(descriptor)

    def events(self, start: int = 0) -> tuple[list[Event], int]:
        """Return the events of the complete lines from a byte on, and the byte after the last."""
        try:
            content = self.path.read_bytes()[start:]
        except FileNotFoundError:
            return [], start
        complete = content[: content.rfind(b"\n") + 1]
        return list(_parsed(complete)), start + len(complete)

    def pending(self) -> list[Event]:
        """Return the events that were not sent."""
        return self.events(self.state().sent)[0]

    def state(self) -> State:
        """Return how much was sent; a file that cannot be read counts as nothing."""
        try:
            found = json.loads(self._state.read_bytes())
            return State(max(0, int(found["sent"])), str(found["problem"]))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return State()

    def save(self, state: State) -> None:
        """Store how much was sent.

        Raises:
            StorageError: the file cannot be written.
        """
        write_file(self._state, json.dumps(vars(state)).encode(), sync=False)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from sending the same journal."""
        lock = self.path.with_suffix(".lock")
        lock.touch()
        with locked(lock):
            yield

    @property
    def _state(self) -> Path:
        return self.path.with_suffix(".sent")


def _parsed(content: bytes) -> Iterator[Event]:
    for line in content.splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and "event" in event:
            yield event


def journals(folder: Path) -> list[Journal]:
    """Return all journals, in the order of their names."""
    return [Journal(path) for path in sorted(folder.glob("*.jsonl"))]
