"""Find the record of a run by its name or hash, and how the run stands.

Importing this is cheap, so that ``pipeline watch`` starts at once.
"""

import shlex
from typing import Literal

from pipeline.engine.records import Record, RecordedRun
from pipeline.engine.workspace import Workspace
from pipeline.errors import RequestError, did_you_mean

_MAX_LISTED = 10
Status = Literal["complete", "running", "interrupted", "failed"]


def find_recorded(workspace: Workspace, wanted: str) -> RecordedRun:
    """Return the last run of a name, or the only one whose name and hash begin with a text.

    Raises:
        RequestError: no run, or more than one, has this name or hash.
    """
    runs = workspace.records.all()
    found = matching(runs, wanted)
    if len(found) != 1:
        raise _ambiguous(wanted, found) if found else _not_found(wanted, runs, workspace)
    return found[0]


def newest_recorded(workspace: Workspace) -> RecordedRun:
    """Return the run that began last among those that are running, else among all.

    Raises:
        RequestError: no run is recorded.
    """
    runs = workspace.records.all()
    if not runs:
        raise _no_runs(workspace)
    return next((run for run in runs if run.is_running), runs[0])


def status_of(found: RecordedRun) -> Status:
    """Return how a run stands; one that ended without a word was interrupted or killed."""
    if found.is_running:
        return "running"
    return "interrupted" if found.record.status == "running" else found.record.status


def missing_stages(record: Record, workspace: Workspace) -> list[str]:
    """Return the stages up to the last one of the run that have no output."""
    names = list(record.stages)
    names = names[: names.index(record.until) + 1]
    folder = workspace.store.folder
    return [name for name in names if not folder(name, record.stages[name]).is_dir()]


def stopped_epoch(record: Record, workspace: Workspace) -> int | None:
    """Return the epoch, counted from 1, in which an interrupted run resumes, if it is known."""
    from pipeline.training.checkpoint_file import interrupted_epoch  # loads NumPy

    return interrupted_epoch(workspace.checkpoint(record.fingerprint))


def command_of(record: Record, workspace: Workspace) -> str | None:
    """Return the command line of a run, or None if its configuration is not from a file."""
    from pipeline.stages import GRAPH

    if record.file is None:
        return None
    until = [] if record.until == GRAPH.names[-1] else ["--until", record.until]
    words = ["pipeline", "run", record.file, *record.overrides, *until, *workspace.options]
    return shlex.join(words)


def matching(runs: list[RecordedRun], wanted: str) -> list[RecordedRun]:
    """Return the last run of a name, or all whose name and hash begin with a text."""
    named = [run for run in runs if wanted in {run.record.name, run.record.id}]
    if named:
        return named[:1]
    return [run for run in runs if wanted and _begins(run.record, wanted)]


def _begins(record: Record, wanted: str) -> bool:
    return f"{record.name}-{record.fingerprint}".startswith(wanted) or (
        record.fingerprint.startswith(wanted)
    )


def _no_runs(workspace: Workspace) -> RequestError:
    return RequestError(
        f"No run is recorded in {workspace.records.folder} yet. Start one with pipeline run, "
        "or specify another workspace with -C."
    )


def _not_found(wanted: str, runs: list[RecordedRun], workspace: Workspace) -> RequestError:
    if not runs:
        return _no_runs(workspace)
    names = {name: None for run in runs for name in (run.record.name, run.record.id)}
    return RequestError(
        f"No run {wanted!r} is recorded in {workspace.records.folder}. "
        f"{did_you_mean(wanted, names)}List the runs with pipeline runs."
    )


def _ambiguous(wanted: str, runs: list[RecordedRun]) -> RequestError:
    listed = ", ".join(run.record.id for run in runs[:_MAX_LISTED])
    omitted = len(runs) - _MAX_LISTED
    return RequestError(
        f"{len(runs)} runs have a name or hash that begins with {wanted!r}: {listed}"
        f"{f' and {omitted} more' if omitted > 0 else ''}. Specify one of them."
    )
