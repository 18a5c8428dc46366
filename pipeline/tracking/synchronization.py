"""``pipeline track``: what was not sent, and sending it."""

from dataclasses import dataclass

from pipeline.engine.workspace import Workspace
from pipeline.tracking.events import describe
from pipeline.tracking.journal import Journal, journals
from pipeline.tracking.sending import require_mlflow, send


@dataclass(frozen=True)
class Tracked:
    """A tracked run: its destination, what was not sent (or ""), and the last problem (or "")."""

    run: str
    uri: str
    waiting: str
    problem: str


def status(workspace: Workspace) -> list[Tracked]:
    """Return the tracked runs of a workspace."""
    return [tracked_run(journal) for journal in journals(workspace.tracking)]


def synchronize(workspace: Workspace) -> list[Tracked]:
    """Send what was not sent, and return the tracked runs.

    Raises:
        MissingExtra: there is something to send, and the extra ``mlflow`` is not installed.
    """
    for journal in journals(workspace.tracking):
        if journal.pending():
            require_mlflow("Sending runs to MLflow")
            send(journal, workspace.root)
    return status(workspace)


def tracked_run(journal: Journal) -> Tracked:
    """Return the run of a journal, and what of it was not sent."""
    events, _ = journal.events()
    described = next((event for event in events if event["event"] == "run"), {})
    return Tracked(
        str(described.get("run", journal.run)),
        str(described.get("uri", "unknown")),
        describe(journal.pending()),
        journal.state().problem,
    )
