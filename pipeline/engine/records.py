"""Run records: what was run, when and how it ended, in ``runs/records/<name>-<fingerprint>.json``.

A run writes its record when it begins and when it ends. It holds a lock beside it, so that the
record of a killed run is not taken for that of a running one.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pipeline.artifacts.serialization import from_json, to_json
from pipeline.errors import StorageError
from pipeline.system.atomic import explain_storage_errors, write_file
from pipeline.system.newest_lock import is_locked, newest_lock

_SHOWN_DIGITS = 8  # of the fingerprint


@dataclass(frozen=True)
class Failure:
    """The class and the message of the error that ended a run."""

    type: str
    message: str


@dataclass(frozen=True)
class Record:
    """One run; ``fingerprint`` is that of the stage that identifies it.

    ``config`` is the resolved configuration; ``file``, ``overrides`` and ``changes`` are its
    origin. ``source`` is the kind of the source of the data. ``stages`` maps the names of all
    stages to their fingerprints; the run stops after ``until``. Times are ISO 8601 in UTC, and
    ``seconds`` is the time between them.
    """

    name: str
    fingerprint: str
    config: dict[str, Any]
    source: str
    stages: dict[str, str]
    until: str
    started: str
    file: str | None = None
    overrides: tuple[str, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)
    status: Literal["running", "complete", "failed"] = "running"
    finished: str | None = None
    seconds: float | None = None
    error: Failure | None = None

    @property
    def id(self) -> str:
        """The name of the record: that of the configuration, and digits of the fingerprint."""
        return record_id(self.name, self.fingerprint)


def record_id(name: str, fingerprint: str) -> str:
    """Return the name of the record of a run."""
    return f"{name}-{fingerprint[:_SHOWN_DIGITS]}"


@dataclass(frozen=True)
class RecordedRun:
    """A record, and whether its run is running."""

    record: Record
    is_running: bool


class Records:
    """The records of a workspace; the last run of the same name and fingerprint is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def write(self, record: Record) -> Iterator[None]:
        """Write the record of the run in this block: first as running, then how it ended.

        A run that is interrupted or killed is still ``running`` in its record, but has no lock.

        Raises:
            StorageError: the record cannot be written.
        """
        with explain_storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with newest_lock(self._lock(record.id)) as is_newest:
            self._save(record, sync=False)
            try:
                yield
            except Exception as error:
                failure = Failure(type(error).__name__, str(error))
                with suppress(StorageError):  # the error of the run matters more
                    self._end(record, "failed", began, is_newest, failure)
                raise
            self._end(record, "complete", began, is_newest)

    def all(self) -> list[RecordedRun]:
        """Return all readable records, the run that started last first."""
        found = (self._read(path) for path in self.folder.glob("*.json"))
        runs = [run for run in found if run is not None]
        return sorted(runs, key=lambda run: (run.record.started, run.record.id), reverse=True)

    def damaged(self) -> list[Path]:
        """Return the files of records that cannot be read."""
        return [p for p in sorted(self.folder.glob("*.json")) if not self._read(p) and p.exists()]

    def files(self, record_id: str) -> list[Path]:
        """Return the files of a record."""
        return [self._path(record_id), self._lock(record_id)]

    def _end(
        self,
        record: Record,
        status: Literal["complete", "failed"],
        began: float,
        is_newest: Callable[[], bool],
        error: Failure | None = None,
    ) -> None:
        """Write how a run ended, unless a later one of the same network is running."""
        if not is_newest():
            return
        seconds = round(time.monotonic() - began, 3)
        self._save(replace(record, status=status, finished=utc_now(), seconds=seconds, error=error))

    def _save(self, record: Record, *, sync: bool = True) -> None:
        content = json.dumps(to_json(record), indent=2) + "\n"
        write_file(self._path(record.id), content.encode(), sync=sync)

    def _read(self, path: Path) -> RecordedRun | None:
        """Return a record, or None if it is damaged or was removed meanwhile."""
        try:
            content, previous, is_running = path.read_bytes(), b"", False
            while content != previous:  # the lock and the record must be of the same moment
                is_running = is_locked(path.with_suffix(".lock"))
                content, previous = path.read_bytes(), content
            return RecordedRun(from_json(Record, json.loads(content)), is_running)
        except (OSError, ValueError, RecursionError):
            return None

    def _path(self, record_id: str) -> Path:
        return self.folder / f"{record_id}.json"

    def _lock(self, record_id: str) -> Path:
        return self.folder / f"{record_id}.lock"


def utc_now() -> str:
    """Return the present time: ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
