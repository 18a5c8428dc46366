"""The stage graph: what each stage depends on, what is up to date, what must run.

``data -> train -> evaluate -> export -> verify -> publish``; this is the only module that knows
the order. A stage's work is imported when it runs, so that a run with nothing to do is quick.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

from pipeline.config.schema import Config
from pipeline.context import Context
from pipeline.data.sources import FULL, SAMPLE, Source, acquire, local_source
from pipeline.errors import MissingExtra, RequestError
from pipeline.fingerprints import code_hashes, fingerprint, package_versions
from pipeline.progress import Progress
from pipeline.publishing.published import is_published
from pipeline.store import StageOutput
from pipeline.workspace import Workspace


@dataclass(frozen=True)
class Stage:
    """A stage: the stages before it, the configuration it reads, its code, the packages it uses.

    ``module`` has ``run(context, folder) -> facts``; ``code`` names what it reaches other than by
    imports.
    """

    name: str
    module: str
    inputs: tuple[str, ...]
    reads: tuple[str, ...]
    packages: tuple[str, ...]
    code: tuple[str, ...] = ()


STAGES = (
    Stage(
        "data",
        "pipeline.data.stage",
        inputs=(),
        reads=("data.name", "data.validation", "data.seed"),
        packages=("tensorflow-datasets", "mlxtend", "scikit-learn", "numpy"),
    ),
    Stage(
        "train",
        "pipeline.training.stage",
        inputs=("data",),
        reads=("task", "model", "optimizer", "train"),
        packages=("tensorflow", "keras", "numpy"),
    ),
    Stage(
        "evaluate",
        "pipeline.evaluation",
        inputs=("data", "train"),
        reads=(),
        packages=("tensorflow", "keras", "numpy", "scikit-learn"),
    ),
    Stage(
        "export",
        "pipeline.export.stage",
        inputs=("data", "train"),
        reads=("task", "export"),
        packages=("tensorflow", "keras", "onnx", "tf2onnx"),
    ),
    Stage(
        "verify",
        "pipeline.verification",
        inputs=("data", "evaluate", "export"),
        reads=("task",),
        packages=("tensorflow", "keras", "onnx", "onnxruntime", "numpy"),
        code=("pipeline.runtimes",),  # found by name, opened in processes of their own
    ),
    Stage(
        "publish",
        "pipeline.publishing.stage",
        inputs=("data", "train", "evaluate", "export", "verify"),
        reads=("name", "publish"),
        packages=(),
    ),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)


@dataclass(frozen=True)
class StageResult:
    """A stage that ran, or was found complete (``cached``)."""

    name: str
    status: str
    seconds: float
    output: StageOutput


@dataclass
class Plan:
    """Every stage's ingredients and fingerprint for one configuration and one source of data."""

    config: Config
    source: Source
    workspace: Workspace
    ingredients: dict[str, dict[str, Any]] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for stage in STAGES:
            self.ingredients[stage.name] = self._ingredients(stage)
            self.fingerprints[stage.name] = fingerprint(self.ingredients[stage.name])

    def find(self, stage: str) -> StageOutput | None:
        """Return the complete output of a stage; of ``publish`` only while the version is there."""
        output = self.workspace.store.find(stage, self.fingerprints[stage])
        if output is None or stage != "publish":
            return output
        return output if is_published(output, self.workspace.exported) else None

    def _ingredients(self, stage: Stage) -> dict[str, Any]:
        config = _flatten(self.config.model_dump(mode="json"))
        read = {key: value for key, value in config.items() if _is_read(key, stage.reads)}
        if stage.name == "data":
            read["source"] = self.source.kind
        return {
            "stage": stage.name,
            "config": read,
            "inputs": {name: self.fingerprints[name] for name in stage.inputs},
            "code": code_hashes((stage.module, *stage.code)),
            "packages": package_versions(stage.packages),
        }


def plan(config: Config, workspace: Workspace, *, fresh_data: bool = False) -> Plan | None:
    """Return the plan that needs no network, or None where only the network can tell.

    The full data set goes before a sample that was used earlier; ``fresh_data`` forgets that one.
    """
    full = Plan(config, Source(FULL, "kept from an earlier run"), workspace)
    if not fresh_data and full.find("data") is not None:
        return full
    source = local_source(config.data)
    if source is not None:
        return Plan(config, source, workspace)
    sample = Plan(config, Source(SAMPLE, "kept from an earlier run"), workspace)
    kept = sample.find("data")
    if fresh_data or kept is None or config.data.offline == "fail":
        return None
    return Plan(config, Source(SAMPLE, kept.facts["origin"]), workspace)


def run_stages(
    config: Config,
    workspace: Workspace,
    progress: Progress,
    *,
    until: str = STAGE_NAMES[-1],
    force: str | None = None,
) -> list[StageResult]:
    """Run what is not up to date up to ``until``; ``force`` runs that stage and those after.

    Raises:
        PipelineError: whatever stops a stage; outputs of the stages before it are kept.
    """
    last, forced = position_of(until), position_of(force) if force else len(STAGES)
    planned = _with_source(config, workspace, progress, forced)
    if planned.source.sampled:
        progress.notice(sample_notice(planned.source))
    context = Context(config, workspace, planned.source, planned.fingerprints, progress)
    _check_names(planned, context, last, forced)
    results = []
    for position, stage in enumerate(STAGES[: last + 1]):
        context.forced = position >= forced
        result = _run_or_find(stage, planned, context)
        context.outputs[stage.name] = result.output
        summary = result.output.facts["summary"]
        progress.stage_finished(stage.name, result.status, result.seconds, summary)
        results.append(result)
    return results


def sample_notice(source: Source) -> str:
    """Return what users must know where the sample stands in for the data set."""
    return (
        "The full MNIST cannot be reached, so this run uses a SAMPLE of 5,000 of its digits: "
        f"{source.origin} Expect a lower accuracy. For the full set, name a folder with its four "
        "files in PIPELINE_MANUAL_DIR; to try the network again: --force data."
    )


def position_of(name: str) -> int:
    """Return where a stage stands in the order.

    Raises:
        RequestError: there is no such stage.
    """
    if name not in STAGE_NAMES:
        raise RequestError(
            f"A stage must be one of {', '.join(STAGE_NAMES)}; got {name!r}. Choose one of them."
        )
    return STAGE_NAMES.index(name)


def _with_source(config: Config, workspace: Workspace, progress: Progress, forced: int) -> Plan:
    fresh = forced == 0
    planned = plan(config, workspace, fresh_data=fresh)
    if planned is not None and not fresh and planned.find("data") is not None:
        return planned
    source = acquire(config.data, workspace.downloads(config.data.name), progress)
    return Plan(config, source, workspace)


def _check_names(planned: Plan, context: Context, last: int, forced: int) -> None:
    """Before minutes go into data: does Keras know the names that training will ask for?"""
    position = STAGE_NAMES.index("train")
    if last >= position and (forced <= position or planned.find("train") is None):
        check_names(context.config, progress=context.progress)


def check_names(config: Config, *, progress: Progress) -> list[Any]:
    """Build model and optimiser once, and return a row for each layer; no data is needed.

    Raises:
        ConfigError: Keras or TensorFlow Datasets knows no such name or argument.
    """
    with progress.task("loading TensorFlow"):
        training, data_sets = _load("pipeline.training.stage"), _load("pipeline.data.tfds")
    image_shape, class_names = data_sets.describe(config.data.name)
    rows: list[Any] = training.check(config, image_shape=image_shape, num_classes=len(class_names))
    return rows


def _load(module: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("pipeline"):
            raise
        raise MissingExtra(f"Training and exporting (here: {error.name})", "train") from error


def _run_or_find(stage: Stage, planned: Plan, context: Context) -> StageResult:
    found = None if context.forced else planned.find(stage.name)
    if found is not None:
        return StageResult(stage.name, "cached", 0.0, found)
    store, print_ = planned.workspace.store, planned.fingerprints[stage.name]
    started = time.monotonic()
    with store.write(stage.name, print_, planned.ingredients[stage.name]) as writing:
        facts = _load(stage.module).run(context, writing.folder)
        writing.facts = {**facts, "data_source": planned.source.kind}
    output = store.find(stage.name, print_)
    assert output is not None, "what was written just now is complete"
    return StageResult(stage.name, "ran", round(time.monotonic() - started, 3), output)


def _flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            flat |= _flatten(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat


def _is_read(key: str, reads: Sequence[str]) -> bool:
    return any(key == read or key.startswith(f"{read}.") for read in reads)
