"""The folder of the sample log: files that are complete once they have their name, and a cap."""

import importlib.util
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import MissingExtra, RequestError, StorageError
from pipeline.serving.traffic.options import SampleLog
from pipeline.system.atomic import locked, remove_abandoned, write_file

PATTERN = "samples-*.parquet"
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600  # samples may be personal data
_OPTION = "--sample-log"


def prepare_folder(log: SampleLog) -> None:
    """Create the folder, and remove what killed servers left half written in it.

    Raises:
        MissingExtra: pyarrow is not installed.
        RequestError: the path is not that of a folder.
        StorageError: files cannot be written to it.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra(_OPTION, "studies")
    if log.folder.exists() and not log.folder.is_dir():
        raise RequestError(f"{_OPTION} must be a folder; got the file {log.folder}.")
    try:
        log.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        remove_abandoned(log.folder)
        probe = log.folder / f"probe-{secrets.token_hex(4)}"
        write_file(probe, b"", mode=_FILE_MODE, sync=False)
        probe.unlink()
    except (OSError, StorageError) as error:
        cause = error.__cause__ if isinstance(error, StorageError) else error
        raise StorageError(
            f"{_OPTION} must be a folder in which files can be written; got {log.folder}: "
            f"{getattr(cause, 'strerror', None) or cause}. Choose another folder."
        ) from error


def add_file(log: SampleLog, content: bytes) -> bool:
    """Write a file, and remove the oldest ones if all together become too large.

    Return False, without a file, if it is larger than all together may be.

    Raises:
        OSError, StorageError: it cannot be written.
    """
    if len(content) > log.max_bytes:
        return False
    log.folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)  # somebody may have moved it away
    with locked(log.folder):  # other workers write to it too
        _make_room(log, len(content))
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        name = f"samples-{now}-{os.getpid()}-{secrets.token_hex(2)}.parquet"
        write_file(log.folder / name, content, mode=_FILE_MODE)
    return True


def _make_room(log: SampleLog, size: int) -> None:
    files = list(_files(log.folder))
    total = size + sum(found for _, found in files)
    for path, found in files:  # their names begin with the time
        if total <= log.max_bytes:
            return
        path.unlink(missing_ok=True)
        total -= found


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files with their sizes in bytes, the oldest first."""
    for path in sorted(folder.glob(PATTERN)):
        try:
            yield path, path.lstat().st_size
        except FileNotFoundError:  # somebody has just moved it away
            continue
