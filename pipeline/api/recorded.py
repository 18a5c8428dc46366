"""Look at the runs of a workspace."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.api.arguments import existing_workspace
from pipeline.commands.compare import compare_named, write_comparison
from pipeline.commands.loading import PathLike
from pipeline.commands.report import report as _report
from pipeline.commands.runs import Run, find_run, list_runs
from pipeline.commands.watch import WatchedRun
from pipeline.commands.watch import watch as _watch
from pipeline.comparison.comparing import Comparison
from pipeline.engine.workspace import Workspace
from pipeline.live.tensorboard import command_to_look
from pipeline.pages.writing import require_page_path
from pipeline.progress import Progress, default_progress
from pipeline.tracking.dropping import drop
from pipeline.tracking.synchronization import Tracked, status, synchronize


def runs(
    run: str | None = None, *, limit: int | None = None, workspace: PathLike = "."
) -> list[Run]:
    """Return the recorded runs, newest first, or only the one that ``run`` names.

    ``run`` is a name, which refers to the last run of that name, or the beginning of a hash or of
    a name and a hash. ``limit`` is the largest number of runs to return.

    Raises:
        RequestError: the workspace does not exist, or ``run`` names no run or several.
    """
    resolved = existing_workspace(workspace, "runs/")
    return list_runs(resolved, limit) if run is None else [find_run(resolved, run)]


def watch(run: str | None = None, *, workspace: PathLike = ".") -> Iterator[WatchedRun]:
    """Yield a run whenever its learning curve has changed, until it ends.

    ``run`` is as in ``runs``; without it, the run that began last among those that are running,
    else among all.

    Raises:
        RequestError: the workspace does not exist, no run is recorded, or ``run`` names no run or
            several.
        MissingExtra: the extra ``train`` is not installed.
    """
    return _watch(existing_workspace(workspace, "runs/"), run)


def tensorboard_command(workspace: PathLike = ".") -> str:
    """Return the command that shows the curves of all runs of a workspace, also while they train.

    Its folder is created, so that TensorBoard can be started before the first run.

    Raises:
        StorageError: the folder cannot be created.
    """
    return command_to_look(Workspace(Path(workspace)).event_files)


def report(name: str, *, workspace: PathLike = ".", progress: Progress | None = None) -> Path:
    """Return the path of the report of a run, a published model or a configuration.

    A run that ended before its stage ``report`` gets one in ``runs/reports``, from what exists.

    Raises:
        RequestError: there is no such run or model, or the run has no metrics.
        ModelError: the report of a published version was altered.
    """
    return _report(name, existing_workspace(workspace, "runs/"), progress or default_progress())


def track_sync(*, workspace: PathLike = ".") -> list[Tracked]:
    """Send to MLflow what runs could not send, and return the tracked runs.

    Raises:
        MissingExtra: the extra ``mlflow`` is not installed.
    """
    return synchronize(existing_workspace(workspace, "runs/"))


def track_status(*, workspace: PathLike = ".") -> list[Tracked]:
    """Return the tracked runs, and what has not been sent for each."""
    return status(existing_workspace(workspace, "runs/"))


def track_drop(name: str, *, workspace: PathLike = ".") -> list[Tracked]:
    """Discard what was not sent to MLflow for a run, or to a URI, and return it.

    ``name`` is the name of the run or the URI as ``track_status`` lists them.

    Raises:
        RequestError: there is nothing unsent of this name, or a run that writes it is in progress.
    """
    return drop(existing_workspace(workspace, "runs/"), name)


def compare(
    first: PathLike,
    *others: PathLike,
    seeds: bool = False,
    fail_if_worse: str | None = None,
    significance: float | None = None,
    html: PathLike | None = None,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> Comparison:
    """Compare runs, published versions and configurations with the first of them.

    With ``seeds``, a run or a version stands for all seeds of its configuration. ``fail_if_worse``
    is a metric to judge over the seeds, one-sided, at a ``significance`` of 0.05 by default: the
    ``verdict`` of the result. ``html`` is a file for a page with the result.

    Raises:
        RequestError: a side is unknown, has other test images or labels, or too few seeds.
        MissingExtra: SciPy is not installed.
        StorageError: the page cannot be written.
    """
    if html is not None:
        require_page_path(Path(html))
    result = compare_named(
        [str(side) for side in (first, *others)],
        existing_workspace(workspace, "runs/"),
        progress or default_progress(),
        seeds=seeds,
        metric=fail_if_worse,
        significance=significance,
    )
    if html is not None:
        write_comparison(Path(html), result)
    return result
