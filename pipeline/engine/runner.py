"""Running what is not up to date: each stage gets an empty folder, and what it returns is kept."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from pipeline.config.schema import Config
from pipeline.data.sources import Source, acquire
from pipeline.engine.context import Context
from pipeline.engine.store import StageOutput
from pipeline.engine.workspace import Workspace
from pipeline.errors import MissingExtra, RequestError
from pipeline.progress import Progress
from pipeline.runtimes.requirements import chosen_runtimes, require_provable
from pipeline.stages import STAGE_NAMES, STAGES, Plan, Stage, plan, position_of
from pipeline.system.atomic import FolderExists, explained_storage, locked


@dataclass(frozen=True)
class StageResult:
    """A stage that ran, or was found complete (``cached``)."""

    name: str
    status: str
    seconds: float
    output: StageOutput


def run_stages(
    config: Config,
    workspace: Workspace,
    progress: Progress,
    *,
    until: str = STAGE_NAMES[-1],
    force: str | None = None,
    source: Source | None = None,
) -> list[StageResult]:
    """Run what is not up to date up to ``until``; ``force`` runs that stage and those after.

    ``source`` takes the data from there and nowhere else.

    Raises:
        PipelineError: whatever stops a stage; outputs of the stages before it are kept.
    """
    last, forced = position_of(until), position_of(force) if force else len(STAGES)
    chosen_runtimes(config)
    if force and forced > last:
        raise RequestError(
            f"--force must name a stage that runs; got {force!r}, which comes after --until "
            f"{until!r}. Leave one of the two out."
        )
    runs = workspace.store.root
    with explained_storage(runs):
        runs.mkdir(parents=True, exist_ok=True)
    # Runs share a workspace; one that replaces outputs (--force) has it for itself.
    waiting = "Waiting for another run in this workspace to end (a run with --force is alone)."
    with locked(runs, shared=force is None, on_wait=lambda: progress.notice(waiting)):
        return _run(config, workspace, progress, (last, forced), source)


def _run(
    config: Config,
    workspace: Workspace,
    progress: Progress,
    bounds: tuple[int, int],
    source: Source | None,
) -> list[StageResult]:
    last, forced = bounds
    fresh = forced == 0
    planned = (
        Plan(config, source, workspace) if source else plan(config, workspace, fresh_data=fresh)
    )
    if _must_train(planned, last, forced):
        check_names(config, progress=progress)  # before minutes go into data
        if last >= STAGE_NAMES.index("export"):
            require_provable(config)
    if source is None and (planned is None or fresh or planned.find("data") is None):
        downloads = workspace.downloads(config.data.name)
        with explained_storage(downloads):
            planned = Plan(config, acquire(config.data, downloads, progress), workspace)
    assert planned is not None, "a source was given, kept or acquired"
    if planned.source.sampled:
        progress.notice(sample_notice(planned.source))
    context = Context(config, workspace, planned.source, planned.fingerprints, progress)
    wanting = _outdated(planned, last, forced) & _kept(planned)
    results = []
    for position, stage in enumerate(STAGES[: last + 1]):
        context.forced = position >= forced
        result = _run_or_find(stage, planned, context, replace=stage.name in wanting)
        context.outputs[stage.name] = result.output
        summary = result.output.facts["summary"]
        progress.stage_finished(stage.name, result.status, result.seconds, summary)
        results.append(result)
    return results


def _outdated(planned: Plan, last: int, forced: int) -> set[str]:
    """Return the stages that must run: missing, forced, or altered and read by one that runs."""
    outdated: set[str] = set()
    for position in range(last, -1, -1):
        stage = STAGES[position]
        output = None if position >= forced else planned.find(stage.name)
        readers = [later for later in STAGES[position + 1 : last + 1] if later.name in outdated]
        is_read = any(stage.name in later.inputs for later in readers)
        is_proven = any(stage.name in later.proves for later in readers)
        if output is None or (is_read and not is_proven and not output.is_unaltered()):
            outdated.add(stage.name)
    # A proof is of files, not of causes: files that are made anew are proven anew.
    provers = {stage.name for stage in STAGES[: last + 1] if outdated & set(stage.proves)}
    return outdated | provers


def _kept(planned: Plan) -> set[str]:
    """Return the stages that have an output. One that appears later is of a run beside this one."""
    store, prints = planned.workspace.store, planned.fingerprints
    return {name for name, print_ in prints.items() if store.find(name, print_) is not None}


def sample_notice(source: Source) -> str:
    """Return what users must know where the sample stands in for the data set."""
    return (
        "The full MNIST cannot be reached, so this run uses a SAMPLE of 5,000 of its digits: "
        f"{source.origin} Expect a lower accuracy. For the full set, name a folder with its four "
        "files in PIPELINE_MANUAL_DIR; to try the network again: --force data."
    )


def check_names(config: Config, *, progress: Progress) -> list[Any]:
    """Build model and optimiser once, and return a row for each layer; no data is needed.

    Raises:
        ConfigError: Keras or TensorFlow Datasets knows no such name or argument.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise RequestError(
            f"Keras must compute with tensorflow here; got {backend!r} in the variable "
            "KERAS_BACKEND. Unset it."
        )
    with progress.task("loading TensorFlow"):
        training, data_sets = _load("pipeline.training.stage"), _load("pipeline.data.tfds")
    image_shape, class_names = data_sets.describe(config.data.name)
    rows: list[Any] = training.check(config, image_shape=image_shape, num_classes=len(class_names))
    return rows


def _must_train(planned: Plan | None, last: int, forced: int) -> bool:
    position = STAGE_NAMES.index("train")
    kept = planned is not None and forced > position and planned.find("train") is not None
    return last >= position and not kept


def _load(module: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("pipeline"):
            raise
        raise MissingExtra(f"Training and exporting (here: {error.name})", "train") from error


def _run_or_find(stage: Stage, planned: Plan, context: Context, *, replace: bool) -> StageResult:
    found = None if replace else planned.find(stage.name)
    if found is not None:
        return StageResult(stage.name, "cached", 0.0, found)
    store, print_ = planned.workspace.store, planned.fingerprints[stage.name]
    started = time.monotonic()
    ingredients = planned.ingredients[stage.name]
    with (
        suppress(FolderExists),  # another process was faster with the same output
        store.write(stage.name, print_, ingredients, replace=replace) as writing,
    ):
        facts = _load(stage.module).run(context, writing.folder)
        writing.facts = {**facts, "data_source": planned.source.kind}
    while context.when_written:
        context.when_written.pop()()
    output = store.find(stage.name, print_)
    assert output is not None, "what was written just now is complete"
    return StageResult(stage.name, "ran", round(time.monotonic() - started, 3), output)
