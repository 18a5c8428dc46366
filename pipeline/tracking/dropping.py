"""``pipeline track drop``: remove the journals of what is never to be sent."""

import shlex

from pipeline.engine.workspace import Workspace
from pipeline.errors import RequestError, did_you_mean
from pipeline.system.atomic import explain_storage_errors
from pipeline.tracking.journal import Journal, journals
from pipeline.tracking.synchronization import Tracked, tracked_run


def drop(workspace: Workspace, wanted: str) -> list[Tracked]:
    """Remove what was not sent of a run, or to a URI, and return it; what was sent stays there.

    Raises:
        RequestError: there is nothing unsent of this name, or a run that writes it is in progress.
        StorageError: a file cannot be removed.
    """
    unsent = [journal for journal in journals(workspace.tracking) if journal.pending()]
    found = {journal: tracked_run(journal) for journal in unsent}
    chosen = {j: run for j, run in found.items() if wanted in {run.run, run.uri}}
    if not chosen:
        raise _nothing(wanted, list(found.values()), workspace)
    _require_ended({run.run for run in chosen.values()}, workspace)
    for journal in chosen:
        _remove(journal)
    return list(chosen.values())


def _remove(journal: Journal) -> None:
    """Remove the files while no other process sends them; the journal itself is the first."""
    with explain_storage_errors(journal.path), journal.locked():
        journal.path.unlink(missing_ok=True)
        for path in journal.files:
            path.unlink(missing_ok=True)


def _require_ended(runs: set[str], workspace: Workspace) -> None:
    for recorded in workspace.records.all():
        if recorded.is_running and recorded.record.id in runs:
            raise RequestError(
                f"The run {recorded.record.id} is in progress, and what is not sent yet may still "
                "be sent. Wait until it has ended, or end it, and try again."
            )


def _nothing(wanted: str, unsent: list[Tracked], workspace: Workspace) -> RequestError:
    near = did_you_mean(wanted, [name for run in unsent for name in (run.run, run.uri)])
    command = shlex.join(["pipeline", "track", "status", *workspace.options])
    return RequestError(
        f"No tracked run or URI {wanted!r} in {workspace.tracking} has anything that was not sent. "
        f"{near}To list the tracked runs: {command}"
    )
