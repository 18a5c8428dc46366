"""Check and explain the gradients of a network."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.api.arguments import DEFAULT_CONFIG
from pipeline.commands.explain import Explanation, Sample, write_explanation
from pipeline.commands.explain import explain as explain_steps
from pipeline.commands.gradcheck import check_configured
from pipeline.commands.loading import PathLike
from pipeline.config import read
from pipeline.engine.workspace import Workspace
from pipeline.gradcheck.report import GradientCheck
from pipeline.pages.writing import require_page_path
from pipeline.progress import Progress, default_progress


def gradcheck(
    config: PathLike = DEFAULT_CONFIG,
    overrides: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> GradientCheck:
    """Check the gradients of a network on a real mini-batch, and the update rules.

    Raises:
        PipelineError: the configuration is invalid, or the data is not available.
    """
    resolved = read(Path(config), overrides)
    return check_configured(resolved, Workspace(Path(workspace)), progress or default_progress())


def explain_gradients(
    config: PathLike = DEFAULT_CONFIG,
    overrides: Sequence[str] = (),
    sample: Sample | None = None,
    *,
    html: PathLike | None = None,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> Explanation:
    """Return every step of backpropagation: of the lecture's scalar example, and of a mini-batch.

    ``html`` is a file for the same as an interactive page.

    Raises:
        RequestError: the configuration is invalid, or the numbers of the example overflow.
        StorageError: the page cannot be written.
    """
    resolved = read(Path(config), overrides)
    if html is not None:
        require_page_path(Path(html))
    explanation = explain_steps(
        resolved, sample or Sample(), Workspace(Path(workspace)), progress or default_progress()
    )
    if html is not None:
        write_explanation(Path(html), explanation)
    return explanation
