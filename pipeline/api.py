"""One call for each command: what the command line does, from a script."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import read
from pipeline.config.schema import Config, Data
from pipeline.diagnosis import Finding
from pipeline.diagnosis import diagnose as _diagnose
from pipeline.errors import ConfigError, ModelError
from pipeline.export.formats import FILES, artifact_path
from pipeline.images import read_images
from pipeline.progress import Progress, Silent
from pipeline.publishing.published import PublishedModel, find_published, list_published
from pipeline.reasons import Reason, explain
from pipeline.runtimes.predictor import Predictor
from pipeline.runtimes.registry import Runtime, open_model, runtimes_for
from pipeline.stages import STAGE_NAMES, StageResult, position_of, run_stages
from pipeline.stages import check_names as _check_names
from pipeline.workspace import Workspace

if TYPE_CHECKING:
    from pipeline.verification import Check

PathLike = str | os.PathLike[str]
DEFAULT_CONFIG = "configs/mlp.yaml"


@dataclass(frozen=True)
class RunResult:
    """What a run came to; parts of stages that were not asked for are empty or None."""

    name: str
    config: Config
    stages: tuple[StageResult, ...]
    data: dict[str, Any]
    parameters: int | None
    layers: list[dict[str, Any]]
    metrics: dict[str, dict[str, float]]
    verification: list[dict[str, Any]]
    published: PublishedModel | None


@dataclass(frozen=True)
class Prediction:
    """The answer to one image of one file."""

    file: str
    index: int
    label: str
    probability: float
    probabilities: dict[str, float]


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
        data=facts["data"],
        parameters=train.get("parameters"),
        layers=train.get("layers", []),
        metrics={
            name: {"accuracy": value["accuracy"], "loss": value["loss"]}
            for name, value in facts.get("evaluate", {}).items()
            if isinstance(value, dict)
        },
        verification=facts.get("verify", {}).get("checks", []),
        published=_published(place, published) if published else None,
    )


def resolve_config(config: PathLike = DEFAULT_CONFIG, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration with overrides and every default.

    Raises:
        ConfigError: a key, a type or a value is wrong.
    """
    return read(Path(config), overrides)


def describe_layers(config: Config, *, progress: Progress | None = None) -> list[Any]:
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


def list_models(*, workspace: PathLike = ".") -> list[PublishedModel]:
    """Return every published version."""
    return list_published(Workspace(Path(workspace)).exported)


def load_model(model: PathLike, *, runtime: str | None = None) -> Predictor:
    """Open a published model, checked against its manifest, or a single file.

    ``exported/mlp`` is its version labelled stable, else the newest; ``exported/mlp/3`` that one.

    Raises:
        ModelError: it is no model, or was altered.
        MissingExtra: no runtime that opens it is installed.
    """
    path = Path(model)
    if path.is_file():
        return open_model(_runtime_for([_format_of(path)], runtime)[1], path)
    published = find_published(path)
    published.require_unaltered()
    file_format, chosen = _runtime_for(published.formats, runtime)
    predictor = open_model(chosen, artifact_path(published.path, file_format))
    predictor.class_names = published.class_names
    return predictor


def predict(model: PathLike, files: Sequence[PathLike]) -> list[Prediction]:
    """Return the label of every image in image files or ``.npy`` arrays.

    Raises:
        ModelError: the model cannot be opened.
        ImageError: a file is no image, or of another size or kind; nothing is predicted then.
    """
    predictor = load_model(model)
    images = {str(file): read_images(Path(file), predictor.contract.image_shape) for file in files}
    return [
        _prediction(file, index, probabilities, predictor)
        for file, array in images.items()
        for index, probabilities in enumerate(predictor.predict(array))
    ]


def verify(
    model: PathLike,
    runtimes: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> "list[Check]":
    """Prove a published model again, on this machine, on the whole test set.

    Raises:
        VerificationFailed: a file was altered, or answers otherwise than the trained model.
    """
    from pipeline.reverification import verify_published

    return verify_published(
        find_published(Path(model)),
        runtimes,
        Workspace(Path(workspace)),
        progress or _default_progress(),
    )


def diagnose(*, workspace: PathLike = ".", progress: Progress | None = None) -> list[Finding]:
    """Return what is installed and reachable, and what to do where something is not."""
    return _diagnose(Data(), Workspace(Path(workspace)), progress or Silent())


def _default_progress() -> Progress:
    from pipeline.terminal.console import TerminalProgress

    return TerminalProgress()


def _published(workspace: Workspace, facts: dict[str, Any]) -> PublishedModel:
    return find_published(workspace.exported / facts["name"] / str(facts["version"]))


def _format_of(path: Path) -> str:
    suffixes = {Path(name).suffix: kind for kind, name in FILES.items() if Path(name).suffix}
    if path.suffix not in suffixes:
        raise ModelError(
            f"A model file must end in {' or '.join(suffixes)}; got {path}. Name such a file or a "
            "published folder, for example exported/mlp."
        )
    return suffixes[path.suffix]


def _runtime_for(formats: Sequence[str], name: str | None) -> tuple[str, Runtime]:
    """ONNX goes first where it is there: its runtime is the lightest."""
    ordered = sorted(formats, key=lambda file_format: file_format != "onnx")
    pairs = [(f, runtime) for f in ordered for runtime in runtimes_for(f)]
    if name is None:
        usable = [pair for pair in pairs if pair[1].installed and pair[1].name != "onnx-reference"]
        return (usable or pairs)[0]
    named = [pair for pair in pairs if pair[1].name == name]
    if not named:
        raise ConfigError(
            f"A runtime must open one of {', '.join(formats)}; got {name!r}. "
            f"Choose from {', '.join(runtime.name for _, runtime in pairs)}."
        )
    return named[0]


def _prediction(file: str, index: int, probabilities: Any, predictor: Predictor) -> Prediction:
    names = predictor.class_names or tuple(map(str, range(len(probabilities))))
    best = int(probabilities.argmax())
    return Prediction(
        file=file,
        index=index,
        label=names[best],
        probability=float(probabilities[best]),
        probabilities={n: float(p) for n, p in zip(names, probabilities, strict=True)},
    )
