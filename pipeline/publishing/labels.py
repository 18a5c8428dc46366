"""Moving a label to a new version, so that a killed process leaves nothing half done.

Before the version appears, a *pending* file is written next to it: the new content of
``labels.json``. Its name has the version that the label referred to at that time, 0 for none.
Renaming it to ``labels.json`` moves the label and ends the publication in one step. If the process
is killed before, the next one that publishes the model does so, unless the label was changed since.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.publishing.history import record
from pipeline.publishing.published_folder import LABELS, read_labels, read_version
from pipeline.system.atomic import move_file, write_file

_PENDING = re.compile(r"\.pending-(?P<version>\d+)-(?P<before>\d+)-(?P<fingerprint>\w+)\.json")


def announce_label(model_folder: Path, label: str, version: int, fingerprint: str) -> None:
    """Record that a label shall move to a version that does not exist yet.

    Raises:
        StorageError: the file cannot be written.
    """
    labels = read_labels(model_folder)
    name = f".pending-{version}-{labels.get(label, 0)}-{fingerprint}.json"
    write_file(model_folder / name, _content({**labels, label: version}))


def is_label_pending(model_folder: Path, fingerprint: str) -> bool:
    """Return whether a publication of this fingerprint has not moved its label yet."""
    return any(model_folder.glob(f".pending-*-{fingerprint}.json"))


def settle_labels(model_folder: Path) -> None:
    """Move the labels that are pending, unless changed since; the caller holds the lock.

    Raises:
        StorageError: a file cannot be written.
    """
    for path in sorted(model_folder.glob(".pending-*")):
        if found := _PENDING.fullmatch(path.name):
            version, before = int(found["version"]), int(found["before"])
            labels = read_labels(model_folder)
            moved = {label: at for label, at in _read(path).items() if at == version}
            unchanged = all(labels.get(label, 0) == before for label in moved)
            if unchanged and _is_intact(model_folder / str(version), found["fingerprint"]):
                write_file(path, _content({**labels, **moved}))  # other labels may have changed
                move_file(path, model_folder / LABELS)
                for label in moved:
                    record(model_folder, "publish", version, label=label, before=before or None)
            else:
                path.unlink()


def write_labels(model_folder: Path, labels: Mapping[str, int]) -> None:
    """Replace the labels of a model; the caller holds the lock.

    Raises:
        StorageError: the file cannot be written.
    """
    write_file(model_folder / LABELS, _content(labels))


def _read(path: Path) -> dict[str, int]:
    content: dict[str, int] = json.loads(path.read_text())
    return content


def _content(labels: Mapping[str, int]) -> bytes:
    return (json.dumps(labels) + "\n").encode()


def _is_intact(folder: Path, fingerprint: str) -> bool:
    try:
        model = read_version(folder)
    except ModelError:
        return False
    return model.manifest.fingerprint == fingerprint and not model.alterations()
