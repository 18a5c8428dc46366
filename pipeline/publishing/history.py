"""``history.jsonl`` of a model: which versions it had, what each label referred to, pins, and when.

Entries are only ever added, one JSON object per line, the newest last. The caller holds the lock
of the model's folder.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import ModelError
from pipeline.publishing.published_folder import read_labels, versions_of
from pipeline.system.atomic import write_file
from pipeline.system.regular_files import read_regular

HISTORY = "history.jsonl"
_BYTES = 64 * 2**20  # of about 400,000 entries

# "found": changed by hand, or by a command that was killed before it added its entry.
Action = Literal[
    "publish", "label", "promote", "rollback", "pin", "unpin", "remove", "restore", "gc", "found"
]
_PINS = {"pin", "unpin"}  # the label stays where it is


class Entry(BaseModel):
    """One entry: a label moved from the version ``before``, or its pin or a version changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str  # ISO 8601, in UTC
    action: Action
    version: int | None = None  # of a label: None if it was removed
    label: str | None = None
    before: int | None = None  # None if the label did not exist
    reason: str | None = None
    by: str | None = None


def read_history(model_folder: Path) -> list[Entry]:
    """Return all entries, the oldest first.

    Raises:
        ModelError: the file cannot be read, or a line is not an entry.
    """
    lines = _read(model_folder).splitlines()
    return [_parse(model_folder, number, line) for number, line in enumerate(lines, 1)]


def record(
    model_folder: Path,
    action: Action,
    version: int | None = None,
    *,
    label: str | None = None,
    before: int | None = None,
    reason: str | None = None,
    by: str | None = None,
) -> None:
    """Add an entry with the current time.

    Raises:
        ModelError: the file cannot be read.
        StorageError: the file cannot be written.
    """
    entry = Entry(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        action=action,
        version=version,
        label=label,
        before=before,
        reason=reason,
        by=by,
    )
    line = entry.model_dump_json(exclude_none=True) + "\n"
    recorded = _read(model_folder)
    if recorded and not recorded.endswith(b"\n"):  # as some editors leave it
        recorded += b"\n"
    write_file(model_folder / HISTORY, recorded + line.encode())


def record_unrecorded_changes(model_folder: Path) -> None:
    """Add an entry for every version that is new to the history, and every label that moved.

    Raises:
        ModelError: the labels or the history cannot be read.
        StorageError: the history cannot be written.
    """
    history, labels = read_history(model_folder), read_labels(model_folder)
    known = {entry.version for entry in history if entry.label is None}
    for version in sorted({*versions_of(model_folder)} - known):
        record(model_folder, "found", version)
    recorded = last_versions(history)
    for label in sorted({*recorded, *labels}):
        before, now = recorded.get(label), labels.get(label)
        if before != now:
            record(model_folder, "found", now, label=label, before=before)


def last_versions(history: list[Entry]) -> dict[str, int]:
    """Return the version of every label as of the last entry."""
    last = {entry.label: entry.version for entry in history if entry.label is not None}
    return {label: version for label, version in last.items() if version is not None}


def versions_before(history: list[Entry], label: str) -> list[int]:
    """Return the versions to which the label can be rolled back, the most recent one last.

    A rollback takes the last one away, so that the next one goes back further.
    """
    moves: list[Entry] = []
    for entry in history:
        if entry.label != label or entry.action in _PINS:
            continue
        if moves and _undoes(entry, moves[-1]):
            moves.pop()
        else:
            moves.append(entry)
    versions: list[int] = []
    for move in moves:
        if move.action == "rollback":
            del versions[-1:]
        elif move.before is not None and move.before != move.version:
            versions.append(move.before)
    while versions and versions[-1] == moves[-1].version:  # it was removed and set again
        versions.pop()
    return versions


def _undoes(entry: Entry, move: Entry) -> bool:
    """Return whether an entry says that the label did not follow the last move, or went back."""
    went_back = (entry.before, entry.version) == (move.version, move.before)
    return entry.action == "found" and went_back


def highest_version(history: list[Entry]) -> int:
    """Return the highest number of a version that ever existed, 0 for none.

    Labels do not count: one that was moved by hand may refer to any number.
    """
    return max((e.version for e in history if e.version and e.label is None), default=0)


def _read(model_folder: Path) -> bytes:
    path = model_folder / HISTORY
    try:
        return read_regular(path, _BYTES)
    except FileNotFoundError:
        return b""
    except (OSError, ValueError) as error:
        raise ModelError(f"Cannot read {path}: {error}. Restore or remove the file.") from error


def _parse(model_folder: Path, number: int, line: bytes) -> Entry:
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        raise ModelError(
            f"Line {number} of {model_folder / HISTORY} is not an entry of the history: "
            f"{error.errors()[0]['msg']}. Correct or remove the line."
        ) from error
