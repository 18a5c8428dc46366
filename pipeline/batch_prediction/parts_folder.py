"""The folder beside the output in which parts are kept until all are there.

``description.json`` says what the answers depend on, so that the parts of another model or input
are never joined with these. Each part is complete once it has its name.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.batch_prediction.part_files import PATTERN
from pipeline.errors import RequestError
from pipeline.system.atomic import explain_storage_errors, remove_abandoned, write_file
from pipeline.system.regular_files import read_regular

_DESCRIPTION = "description.json"
_MAX_BYTES = 2**26  # of a description of a million files
_OPTION = "--output"
Description = Mapping[str, Mapping[str, str]]  # of kinds: model, input, settings


def parts_folder(output: Path) -> Path:
    """Return the folder for the parts of an output."""
    return output.with_name(f"{output.name}.parts")


@contextmanager
def locked_parts(output: Path) -> Iterator[Path]:
    """Create the folder for the parts, and keep other commands from using it.

    Raises:
        RequestError: another command is using it.
        StorageError: it cannot be created.
    """
    folder = parts_folder(output)
    with explain_storage_errors(folder, setting=_OPTION):
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                if _locks(descriptor, output) and _is_at(descriptor, folder):
                    break
                os.close(descriptor)  # a command that has just finished removed it
    try:
        remove_abandoned(folder)
        yield folder
    finally:
        os.close(descriptor)


def prepare(
    folder: Path, description: Description, *, force: bool, notice: Callable[[str], None]
) -> None:
    """Keep the parts if they have this description; with ``force``, others are removed.

    Raises:
        RequestError: the parts are of another model, another input, or other settings.
    """
    found = _read(folder)
    if found == description:
        return
    if any(folder.glob(PATTERN)):
        differences = _differences(found or {}, description)
        if not force:
            raise RequestError(
                f"{folder} has parts of an interrupted command, but {differences}. Run that "
                "command again to complete it, or use --force to discard its parts."
            )
        notice(f"The parts in {folder} are discarded: {differences}.")
        clear(folder)
    write_file(folder / _DESCRIPTION, json.dumps(description).encode(), setting=_OPTION)


def clear(folder: Path) -> None:
    """Remove the parts and their description; files of others stay."""
    for path in folder.glob(PATTERN):
        if path.stem.isdecimal():
            path.unlink(missing_ok=True)
    (folder / _DESCRIPTION).unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove the folder with its parts."""
    clear(folder)
    with suppress(OSError):  # files of others are in it
        folder.rmdir()


def _read(folder: Path) -> Description | None:
    """Return the description of the parts; None if there is none that can be read."""
    try:
        found: Description = json.loads(read_regular(folder / _DESCRIPTION, _MAX_BYTES))
    except (OSError, ValueError):
        return None
    return found


def _differences(found: Description, wanted: Description) -> str:
    """Return what differs, in words; the first of each kind."""
    if not all(isinstance(found.get(kind), dict) for kind in wanted):
        return "their description is missing or damaged"
    words = []
    for kind, values in wanted.items():
        names = [name for name in values | found[kind] if values.get(name) != found[kind].get(name)]  # type: ignore[operator]
        if names:
            before, now = found[kind].get(names[0], "absent"), values.get(names[0], "absent")
            words.append(f"the {kind} {names[0]} was {before} and is {now}")
    return "; ".join(words)


def _locks(descriptor: int, output: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise RequestError(
            f"Another command is writing {output}. Wait until it has finished, or choose another "
            "--output."
        ) from None
    return True


def _is_at(descriptor: int, folder: Path) -> bool:
    return folder.is_dir() and os.path.samestat(os.fstat(descriptor), folder.stat())
