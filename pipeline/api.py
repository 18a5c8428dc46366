"""One call for each command: what the command line does, from a script."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pipeline.artifacts.checks import Check, check_from_json
from pipeline.artifacts.data_set import LayerSummary
from pipeline.commands.doctor import Finding
from pipeline.commands.doctor import diagnose as _diagnose
from pipeline.commands.predict import PathLike, load_model, predict
from pipeline.commands.why import Reason, explain
from pipeline.config import read
from pipeline.config.schema import Config, Data
from pipeline.engine.runner import StageResult, run_stages
from pipeline.engine.runner import check_names as _check_names
from pipeline.engine.workspace import Workspace
from pipeline.errors import ModelError
from pipeline.progress import Progress, Silent
from pipeline.publishing.published import PublishedModel, find_published, list_published
from pipeline.stages import STAGE_NAMES, position_of

__all__ = [
    "RunResult",
    "describe_layers",
    "diagnose",
    "list_models",
    "load_model",
    "predict",
    "resolve_config",
    "run",
    "serve",
    "verify",
    "why",
]

DEFAULT_CONFIG = "configs/mlp.yaml"


@dataclass(frozen=True)
class DataSummary:
    """Which data a run used, where it came from, and the number of images of each split."""

    name: str
    source: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class SplitMetrics:
    """Top-1 accuracy, 0 to 1, and mean cross-entropy over one split."""

    accuracy: float
    loss: float


@dataclass(frozen=True)
class RunResult:
    """What a run came to; parts of stages that were not asked for are empty or None."""

    name: str
    config: Config
    stages: tuple[StageResult, ...]
    data: DataSummary
    parameters: int | None
    layers: tuple[LayerSummary, ...]
    metrics: dict[str, SplitMetrics]
    verification: tuple[Check, ...]
    published: PublishedModel | None


def run(
    config: PathLike = DEFAULT_CONFIG,
    overrides: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    until: str = STAGE_NAMES[-1],
    force: str | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Run the pipeline and return metrics, stages, verification and the published version.

    Raises:
        PipelineError: one paragraph that says what stopped it.
    """
    read_config = read(Path(config), overrides)
    place = Workspace(Path(workspace))
    results = run_stages(
        read_config, place, progress or _default_progress(), until=until, force=force
    )
    facts = {result.name: result.output.facts for result in results}
    train, published = facts.get("train", {}), facts.get("publish")
    return RunResult(
        name=read_config.name,
        config=read_config,
        stages=tuple(results),
        data=DataSummary(**{f.name: facts["data"][f.name] for f in fields(DataSummary)}),
        parameters=train.get("parameters"),
        layers=tuple(
            LayerSummary(**{**row, "shape": tuple(row["shape"])}) for row in train.get("layers", [])
        ),
        metrics={
            split: SplitMetrics(value["accuracy"], value["loss"])
            for split, value in facts.get("evaluate", {}).get("metrics", {}).items()
        },
        verification=tuple(map(check_from_json, facts.get("verify", {}).get("checks", []))),
        published=_published(place, published) if published else None,
    )


def resolve_config(config: PathLike = DEFAULT_CONFIG, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration with overrides and every default.

    Raises:
        ConfigError: a key, a type or a value is wrong.
    """
    return read(Path(config), overrides)


def describe_layers(config: Config, *, progress: Progress | None = None) -> list[LayerSummary]:
    """Return a row for each layer, and check every name against Keras; needs the extra train.

    Raises:
        ConfigError: Keras or TensorFlow Datasets knows no such name or argument.
        MissingExtra: the extra is not installed.
    """
    return _check_names(config, progress=progress or _default_progress())


def why(
    config: PathLike, stage: str, overrides: Sequence[str] = (), *, workspace: PathLike = "."
) -> list[Reason]:
    """Return why a stage would run, and why those would that it depends on.

    Raises:
        RequestError: there is no such stage, or the configuration is wrong.
    """
    position_of(stage)
    return explain(read(Path(config), overrides), Workspace(Path(workspace)), stage)


def list_models(*, workspace: PathLike = ".") -> tuple[list[PublishedModel], list[ModelError]]:
    """Return every published version, and what is wrong with those that are broken."""
    return list_published(Workspace(Path(workspace)).exported)


def verify(
    model: PathLike,
    runtimes: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> list[Check]:
    """Prove a published model or an ONNX file, on this machine, on the whole test set.

    Raises:
        ModelError: it is neither.
        VerificationFailed: a file was altered, or answers otherwise than the trained model.
    """
    from pipeline.commands.verify_file import verify_file
    from pipeline.commands.verify_published import verify_published

    path, place = Path(model), Workspace(Path(workspace))
    shown = progress or _default_progress()
    if path.is_file():
        return verify_file(path, runtimes, place, shown)
    return verify_published(find_published(path), runtimes, place, shown)


def serve(
    models: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    token_file: Path | None = None,
    insecure: bool = False,
    on_open: Callable[[Any], None] = lambda _: None,
    **settings: Any,
) -> None:
    """Serve published models until SIGINT or SIGTERM; ``settings`` are those of ``Settings``.

    Raises:
        RequestError: a model, an address or a file is wrong; or others could ask unguarded.
        MachineError: a port is taken.
    """
    from pipeline.serving import serve as serving
    from pipeline.serving import settings as options

    exported = Workspace(Path(workspace)).exported
    told = options.Settings(
        exported=exported,
        folders=serving.served_folders(list(models), exported),
        token=options.read_token(token_file),
        **settings,
    )
    options.require_certificate(told.certificate, told.key)
    options.require_guarded(told, insecure=insecure)
    serving.serve(told, on_open)


def diagnose(*, workspace: PathLike = ".", progress: Progress | None = None) -> list[Finding]:
    """Return what is installed and reachable, and what to do where something is not."""
    return _diagnose(Data(), Workspace(Path(workspace)), progress or Silent())


def _default_progress() -> Progress:
    from pipeline.terminal.console import TerminalProgress

    return TerminalProgress()


def _published(workspace: Workspace, facts: dict[str, Any]) -> PublishedModel:
    return find_published(workspace.exported / facts["name"] / str(facts["version"]))
