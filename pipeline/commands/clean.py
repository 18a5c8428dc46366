"""``pipeline clean``: remove stage outputs that no kept run and no published version needs."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.commands.needed_outputs import Needed, needed_outputs
from pipeline.commands.retention import Retention
from pipeline.engine.workspace import Workspace
from pipeline.errors import StorageError
from pipeline.progress import Progress
from pipeline.stages import GRAPH
from pipeline.system.atomic import abandoned, locked, remove
from pipeline.tracking.journal import journals
from pipeline.training.checkpoint_file import MAX_IDLE_DAYS

_FINGERPRINT = re.compile("[0-9a-f]{16}")
_EVENT_FILES = re.compile(".+-([0-9a-f]{8})")
_OF_RECORDS = {".json", ".lock"}


@dataclass(frozen=True)
class Removed:
    """A file or folder that was removed, and its size in bytes."""

    path: Path
    bytes: int


def clean(
    workspace: Workspace, retention: Retention, progress: Progress, *, dry_run: bool = False
) -> list[Removed]:
    """Remove what the retention does not keep, and return it; ``dry_run`` removes nothing.

    Raises:
        ModelError: a published version cannot be read, so that the outputs it needs are unknown.
        StorageError: something cannot be removed.
    """
    runs = workspace.store.root
    if not runs.is_dir():
        return []
    if dry_run:
        return [Removed(path, _bytes(path)) for path in _unneeded(workspace, retention)]
    waiting = "Waiting for the runs in this workspace to finish (clean needs exclusive access)."
    with locked(runs, on_wait=lambda: progress.notice(waiting)):
        return [_remove(path) for path in _unneeded(workspace, retention)]


def _unneeded(workspace: Workspace, retention: Retention) -> list[Path]:
    """Return what to remove: records first, so that none is left without its outputs."""
    needed = needed_outputs(workspace, retention)
    records = workspace.records.folder
    found = [
        path
        for path in _visible(records)
        if path.suffix in _OF_RECORDS and path.stem not in needed.records
    ]
    found += [path for path in _visible(workspace.event_files) if _is_of_no_run(path, needed)]
    found += _journals_of_no_run(workspace.tracking, needed)
    for stage in GRAPH.names:
        outputs = _visible(workspace.store.root / stage)
        outputs = [path for path in outputs if _FINGERPRINT.fullmatch(path.name)]
        found += [path for path in outputs if _is_unneeded(path, stage, needed, retention)]
    found += [
        path
        for path in _visible(workspace.checkpoints)
        if _is_expired(path) or _is_unneeded(path, GRAPH.identity, needed, retention)
    ]
    found += [p for p in _visible(workspace.all_downloads) if retention.is_past(_last_change(p))]
    return found + list(_left_behind(workspace))


def _visible(folder: Path) -> list[Path]:
    """Return what is in a folder, without temporary files of running processes."""
    return sorted(path for path in folder.glob("*") if not path.name.startswith("."))


def _is_unneeded(path: Path, stage: str, needed: Needed, retention: Retention) -> bool:
    """Return whether a file or folder named by a fingerprint belongs to no kept run or version.

    Without a record, as from older versions of this package, its own age counts.
    """
    output = stage, path.stem.partition("-")[0]  # before the number of a member of a committee
    if output in needed.outputs:
        return False
    return output in needed.recorded or retention.is_past(path.stat().st_mtime)


def _is_of_no_run(folder: Path, needed: Needed) -> bool:
    """Return whether event files belong to a trained network that is not needed."""
    named = _EVENT_FILES.fullmatch(folder.name)
    if named is None:
        return False
    trained = (fingerprint for stage, fingerprint in needed.outputs if stage == GRAPH.identity)
    return not any(fingerprint.startswith(named[1]) for fingerprint in trained)


def _journals_of_no_run(folder: Path, needed: Needed) -> list[Path]:
    """Return the files of journals that were sent completely, and whose run is not kept."""
    unneeded = (one for one in journals(folder) if one.run not in needed.records)
    return [path for journal in unneeded if not journal.pending() for path in journal.files]


def _is_expired(checkpoint: Path) -> bool:
    return time.time() - checkpoint.stat().st_mtime > MAX_IDLE_DAYS * 86_400


def _last_change(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))


def _left_behind(workspace: Workspace) -> Iterator[Path]:
    """Yield the temporary files of processes that were killed."""
    root = workspace.store.root
    folders = (workspace.records.folder, workspace.checkpoints, *(root / n for n in GRAPH.names))
    for folder in folders:
        yield from abandoned(folder)


def _bytes(path: Path) -> int:
    return sum(one.lstat().st_size for one in (path, *path.rglob("*")) if one.is_file())


def _remove(path: Path) -> Removed:
    removed = Removed(path, _bytes(path))
    try:
        remove(path)
    except OSError as error:
        raise StorageError(
            f"Cannot remove {error.filename or path}: {error.strerror}. Change its permissions, or "
            "remove it yourself, and run pipeline clean again."
        ) from error
    return removed
