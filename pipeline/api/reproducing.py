"""Run published models again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.api.arguments import existing_workspace
from pipeline.commands.loading import PathLike
from pipeline.progress import Progress, default_progress
from pipeline.publishing.address import published_at

if TYPE_CHECKING:
    from pipeline.reproduction.reproducing import Reproduction


def reproduce(
    model: PathLike,
    overrides: Sequence[str] = (),
    *,
    into: PathLike | None = None,
    own_code: bool = False,
    allow_outside: bool = False,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> "Reproduction":
    """Train a published version again from its manifest alone, and compare; publish nothing.

    ``overrides`` say where this machine has the data, such as ``data.path=DIR``. The stages run in
    the folder ``into``, or in a temporary one. ``own_code`` runs Python files that the manifest
    refers to; ``allow_outside`` is as in ``run``. A version that was not reproduced is no error:
    see ``verdict`` of the result, and its method ``require``.

    Raises:
        ModelError: the version does not exist, or was altered.
        RequestError: its configuration needs the folder of the data, or permission to run files.
        PipelineError: a stage failed.
    """
    from pipeline.reproduction.reproducing import reproduce as reproduced

    original = existing_workspace(workspace, "exported/")
    return reproduced(
        published_at(model, original.exported),
        overrides,
        original,
        None if into is None else Path(into),
        progress or default_progress(),
        own_code=own_code,
        allow_outside=allow_outside,
    )
