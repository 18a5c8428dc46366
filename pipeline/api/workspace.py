"""Keep a workspace and its machine in order."""

from pathlib import Path

from pipeline.api.arguments import existing_workspace
from pipeline.commands.clean import Removed
from pipeline.commands.clean import clean as _clean
from pipeline.commands.doctor import Finding
from pipeline.commands.doctor import diagnose as _diagnose
from pipeline.commands.loading import PathLike
from pipeline.commands.retention import retention
from pipeline.config.data_schema import Data
from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, Silent, default_progress


def clean(
    *,
    keep: int | None = None,
    older_than: str | None = None,
    dry_run: bool = False,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> list[Removed]:
    """Remove stored outputs that neither a kept run nor a published version needs; return them.

    Exactly one is required: ``keep``, the number of newest runs to keep, or ``older_than``, such as
    ``12h``, ``30d`` or ``2w``, which removes the runs that ended before. ``dry_run`` only returns
    what would be removed.

    Raises:
        RequestError: an argument is invalid, or the workspace does not exist.
        ModelError: a published version cannot be read, so that the outputs it needs are unknown.
        StorageError: something cannot be removed.
    """
    wanted = retention(keep=keep, older_than=older_than)
    resolved = existing_workspace(workspace, "runs/")
    return _clean(resolved, wanted, progress or default_progress(), dry_run=dry_run)


def diagnose(*, workspace: PathLike = ".", progress: Progress | None = None) -> list[Finding]:
    """Return the packages and data hosts that were found, and advice for those that were not."""
    return _diagnose(Data(), Workspace(Path(workspace)), progress or Silent())
