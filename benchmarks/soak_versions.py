"""Publish, label and remove versions while a server runs."""

import json
import shutil
from pathlib import Path

from pipeline.publishing.published_folder import (
    LABELS,
    MANIFEST,
    PublishedModel,
    find_published,
    versions_of,
)
from pipeline.system.atomic import new_folder, write_file

MAX_VERSIONS = 3


def copy_model(source: PublishedModel, workspace: Path) -> PublishedModel:
    """Copy a version into another workspace, and return the copy."""
    folder = workspace / "exported" / source.name
    shutil.copytree(source.path, folder / str(source.version))
    _label(folder, source.version)
    return find_published(folder)


def swap(folder: Path) -> None:
    """Publish the newest version of ``exported/<name>`` again as the next one, and label it.

    Only the last ``MAX_VERSIONS`` versions are kept.
    """
    *older, newest = versions_of(folder)
    with new_folder(folder / str(newest + 1)) as aside:
        shutil.copytree(folder / str(newest), aside, dirs_exist_ok=True)
        manifest = json.loads((aside / MANIFEST).read_text())
        manifest["version"] = newest + 1
        (aside / MANIFEST).write_text(json.dumps(manifest))
    _label(folder, newest + 1)
    for version in older[: len(older) + 2 - MAX_VERSIONS]:
        shutil.rmtree(folder / str(version))


def _label(folder: Path, version: int) -> None:
    write_file(folder / LABELS, json.dumps({"stable": version}).encode())
