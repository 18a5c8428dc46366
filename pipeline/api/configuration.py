"""Read configurations, and explain what a run of one would do."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.api.arguments import DEFAULT_CONFIG
from pipeline.artifacts.stage_facts import LayerSummary
from pipeline.commands.augment_sheet import write_sheet
from pipeline.commands.loading import PathLike
from pipeline.commands.why import Reason, explain
from pipeline.config import read
from pipeline.config.callback_files import require_paths
from pipeline.config.own_code import check_references, skipped_own_code
from pipeline.config.schema import Config
from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, default_progress
from pipeline.stages import GRAPH, check_network


def resolve_config(config: PathLike = DEFAULT_CONFIG, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration with overrides applied and defaults filled in.

    Raises:
        ConfigError: a key, type or value is invalid, or a Python file does not define a name.
    """
    resolved = read(Path(config), overrides)
    check_references(resolved)
    require_paths(resolved)
    return resolved


def describe_layers(config: Config, *, progress: Progress | None = None) -> list[LayerSummary]:
    """Return a summary of each layer; checks all names against Keras (extra ``train``).

    Python files that the configuration refers to are not run; ``progress`` tells what that leaves
    unchecked.

    Raises:
        ConfigError: Keras or TensorFlow Datasets does not know a name or argument.
        MissingExtra: the extra is not installed.
    """
    shown = progress or default_progress()
    for text in (*check_references(config), skipped_own_code(config)):
        if text:
            shown.notice(text)
    return check_network(config, shown)


def show_augment(
    config: Config, path: PathLike, *, workspace: PathLike = ".", progress: Progress | None = None
) -> None:
    """Write a PNG with training images as they are and as ``train.augment`` changes them.

    Raises:
        RequestError: the configuration changes no images, or ``path`` does not end in .png.
    """
    write_sheet(config, Path(path), Workspace(Path(workspace)), progress or default_progress())


def why(
    config: PathLike,
    stage: str,
    overrides: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> list[Reason]:
    """Return why a stage, and each stage that it depends on, would run.

    Raises:
        RequestError: the stage is unknown, or the configuration is invalid.
    """
    GRAPH.position_of(stage)  # before the configuration is read
    resolved = read(Path(config), overrides)
    for text in check_references(resolved):
        (progress or default_progress()).notice(text)
    return explain(resolved, Workspace(Path(workspace)), stage)
