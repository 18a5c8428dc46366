"""The folder of a study's results, which belongs to one file of a study."""

import json
import os
from pathlib import Path

from pipeline.engine.workspace import Workspace
from pipeline.errors import ConfigError
from pipeline.studies.reading import Study
from pipeline.system.atomic import explain_storage_errors, write_file

_SOURCE = "study.json"  # the study's file, relative to the folder


def results_folder(study: Study, workspace: Workspace) -> Path:
    """Return the folder for the results of a study, and note which file they belong to.

    Raises:
        ConfigError: it has the results of another file, which still exists.
        StorageError: the folder cannot be written.
    """
    folder = workspace.root / "studies" / study.name
    other = _noted(folder)
    if other is not None and not other.samefile(study.file):
        raise ConfigError(
            f"The name of a study must be unique in its workspace; got {study.name!r} in "
            f"{study.places.of(('name',))}, and {folder} has the results of "
            f"{os.path.relpath(other)}. Change the name, or remove the folder."
        )
    with explain_storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    source = {"file": os.path.relpath(study.file.resolve(), folder.resolve())}
    write_file(folder / _SOURCE, json.dumps(source).encode())
    return folder


def _noted(folder: Path) -> Path | None:
    """Return the file that the results belong to, if it is known and still exists."""
    try:
        file = folder.resolve() / json.loads((folder / _SOURCE).read_text())["file"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return file if file.is_file() else None
