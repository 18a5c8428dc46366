"""``pipeline track``: what was not sent, and sending it."""

import importlib.util
from dataclasses import dataclass

from pipeline.engine.workspace import Workspace
from pipeline.errors import MissingExtra
from pipeline.tracking.journal import Journal, describe, journals
from pipeline.tracking.sending import send
from pipeline.tracking.tracked_run import FOLDER


@dataclass(frozen=True)
class Tracked:
    """A tracked run: its destination, what was not sent (or ""), and the last problem (or "")."""

    run: str
    uri: str
    waiting: str
    problem: str


def status(workspace: Workspace) -> list[Tracked]:
    """Return the tracked runs of a workspace."""
    return [_tracked(journal) for journal in journals(workspace.store.root / FOLDER)]


def synchronize(workspace: Workspace) -> list[Tracked]:
    """Send what was not sent, and return the tracked runs.

    Raises:
        MissingExtra: there is something to send, and the extra ``mlflow`` is not installed.
    """
    for journal in journals(workspace.store.root / FOLDER):
        if journal.pending():
            if importlib.util.find_spec("mlflow") is None:
                raise MissingExtra("Sending runs to MLflow", "mlflow")
            send(journal, workspace.root)
    return status(workspace)


def _tracked(journal: Journal) -> Tracked:
    events, _ = journal.events()
    described = next((event for event in events if event["event"] == "run"), {})
    return Tracked(
        str(described.get("run", journal.path.stem)),
        str(described.get("uri", "unknown")),
        describe(journal.pending()),
        journal.state().problem,
    )
