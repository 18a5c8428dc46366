"""How trainings end; those without a model are stored in ``runs/trials/<fingerprint>.json``.

A training that diverged or was pruned leaves no output of its stage. Its outcome is stored here, by
the fingerprint of the stage, so that a study that runs again, and every other study, has it too.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.artifacts.history import Logs
from pipeline.artifacts.serialization import from_json, to_json
from pipeline.engine.workspace import Workspace
from pipeline.progress import TrainingCost
from pipeline.studies.trial import Status
from pipeline.system.atomic import write_file


@dataclass(frozen=True)
class Outcome:
    """How a training ended, why it led to no model, and its epochs."""

    status: Status
    reason: str
    history: tuple[Logs, ...]
    costs: tuple[TrainingCost, ...]


def read_outcome(workspace: Workspace, fingerprint: str) -> Outcome | None:
    """Return the outcome of a training, or None if there is none that can be read."""
    try:
        return from_json(Outcome, json.loads(_path(workspace, fingerprint).read_text()))
    except (OSError, ValueError, RecursionError):
        return None


def write_outcome(workspace: Workspace, fingerprint: str, outcome: Outcome) -> None:
    """Store the outcome of a training.

    Raises:
        StorageError: it cannot be written.
    """
    path = _path(workspace, fingerprint)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(to_json(outcome)).encode())


def _path(workspace: Workspace, fingerprint: str) -> Path:
    return workspace.store.root / "trials" / f"{fingerprint}.json"
