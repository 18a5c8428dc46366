"""Publish, label, roll back, remove and restore versions while a server runs."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pipeline
from pipeline.publishing.published_folder import (
    LABELS,
    MANIFEST,
    PublishedModel,
    find_published,
    versions_of,
)
from pipeline.system.atomic import new_folder, write_file

PUBLISHED = "publish"  # the name of the operation that adds a version


def copy_model(source: PublishedModel, workspace: Path) -> PublishedModel:
    """Copy a version into another workspace, and return the copy."""
    folder = workspace / "exported" / source.name
    shutil.copytree(source.path, folder / str(source.version))
    write_file(folder / LABELS, json.dumps({"stable": source.version}).encode())
    return find_published(folder)


def operations(folder: Path) -> Iterator[str]:
    """Do one operation on ``exported/<name>`` for each item, which is its name; without end."""
    name, workspace = folder.name, folder.parent.parent
    while True:
        yield _publish(folder)
        pipeline.rollback(name, workspace=workspace)
        yield "rollback"
        pipeline.promote(name, workspace=workspace)
        yield "promote"
        oldest = f"{name}/{versions_of(folder)[0]}"
        pipeline.remove(oldest, workspace=workspace)
        yield "remove"
        pipeline.remove(oldest, undo=True, workspace=workspace)
        yield "restore"
        pipeline.label(name, {"canary": versions_of(folder)[0]}, workspace=workspace)
        yield "label"
        pipeline.label(name, {"canary": None}, workspace=workspace)
        pipeline.gc([name], keep=1, workspace=workspace)
        yield "gc"


def _publish(folder: Path) -> str:
    """Publish the newest version again as the next one, and label it."""
    newest = versions_of(folder)[-1]
    with new_folder(folder / str(newest + 1)) as aside:
        shutil.copytree(folder / str(newest), aside, dirs_exist_ok=True)
        manifest = json.loads((aside / MANIFEST).read_text())
        manifest["version"] = newest + 1
        (aside / MANIFEST).write_text(json.dumps(manifest))
    pipeline.label(folder.name, {"stable": newest + 1}, workspace=folder.parent.parent)
    return PUBLISHED
