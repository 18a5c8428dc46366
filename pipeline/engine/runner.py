"""Run the stages that are not up to date, each in an empty folder, and store their outputs."""

import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pipeline.artifacts.data_source import Source
from pipeline.artifacts.stage_facts import Facts
from pipeline.config.schema import Config
from pipeline.engine.context import Context
from pipeline.engine.plan import Plan, plan
from pipeline.engine.records import Record, utc_now
from pipeline.engine.stage import Graph, Stage
from pipeline.engine.store import StageOutput
from pipeline.engine.workspace import Workspace
from pipeline.errors import RequestError
from pipeline.progress import Progress
from pipeline.system.atomic import FolderExists, explain_storage_errors, locked

F = TypeVar("F", bound=Facts)


@dataclass(frozen=True)
class StageResult:
    """The result of a stage; ``status`` is ``ran``, or ``cached`` if it was up to date."""

    name: str
    status: str
    seconds: float
    output: StageOutput[Any]


@dataclass(frozen=True)
class Request:
    """A requested run: the positions of the last stage and of the first one that is forced.

    ``source``, if given, is the only source of the data.
    """

    config: Config
    workspace: Workspace
    last: int
    forced: int
    source: Source | None


def run_graph(
    graph: Graph,
    config: Config,
    workspace: Workspace,
    progress: Progress,
    *,
    until: str | None = None,
    force: str | None = None,
    source: Source | None = None,
) -> list[StageResult]:
    """Run the stages up to ``until`` that are not up to date; rerun all from ``force`` on.

    ``source``, if given, is the only source of the data.

    Raises:
        PipelineError: a stage or a gate failed; the outputs of earlier stages are kept.
    """
    last = graph.position_of(graph.names[-1] if until is None else until)
    forced = len(graph.stages) if force is None else graph.position_of(force)
    for stage in graph.stages:
        stage.validate(config)
    if force is not None and forced > last:
        raise RequestError(
            f"--force {force} has no effect, because the run stops before that stage (--until "
            f"{until}). Remove one of the two options."
        )
    runs = workspace.store.root
    with explain_storage_errors(runs):
        runs.mkdir(parents=True, exist_ok=True)
    # Runs share a workspace; one that replaces outputs (--force) needs exclusive access.
    waiting = (
        "Waiting for another command with exclusive access to this workspace to finish."
        if force is None
        else "Waiting for other runs in this workspace to finish (--force needs exclusive access)."
    )
    with locked(runs, shared=force is None, on_wait=lambda: progress.notice(waiting)):
        return _run(graph, Request(config, workspace, last, forced, source), progress)


def output_of(results: list[StageResult], facts: type[F]) -> StageOutput[F] | None:
    """Return the output of the stage that reports these facts, or None if it did not run."""
    found = (result.output for result in results if result.name == facts.stage)
    return next(found, None)


def _run(graph: Graph, request: Request, progress: Progress) -> list[StageResult]:
    planned = _plan(graph, request, progress)
    notice = graph.sources.notice(planned.source)
    if notice and request.source is None:  # a given source needs no explanation
        progress.notice(notice)
    is_recorded = request.last >= graph.position_of(graph.identity)
    record = request.workspace.records.write(_record(planned, request))
    with record if is_recorded else nullcontext():
        return _run_stages(planned, request, progress)


def _record(planned: Plan, request: Request) -> Record:
    graph, config, origin = planned.graph, request.config, request.config.origin
    return Record(
        name=config.name,
        fingerprint=planned.fingerprints[graph.identity],
        config=config.model_dump(mode="json"),
        file=origin.file,
        overrides=origin.overrides,
        changes=origin.changes,
        source=planned.source.kind,
        stages=planned.fingerprints,
        until=graph.names[request.last],
        started=utc_now(),
    )


def _run_stages(planned: Plan, request: Request, progress: Progress) -> list[StageResult]:
    context = Context(
        request.config, request.workspace, planned.source, planned.fingerprints, progress
    )
    to_replace = _outdated(planned, request) & _existing(planned)
    results: list[StageResult] = []
    for position, stage in enumerate(planned.graph.stages[: request.last + 1]):
        context = replace(context, forced=position >= request.forced)
        result = _run_or_find(stage, planned, context, replaced=stage.name in to_replace)
        context = replace(context, outputs={**context.outputs, stage.name: result.output})
        facts = result.output.facts
        progress.stage_finished(stage.name, result.status, result.seconds, facts.summary)
        results.append(result)
        if position < request.last:
            stage.gate(facts, request.config, planned.source)
    return results


def _plan(graph: Graph, request: Request, progress: Progress) -> Plan:
    """Return the plan, after all checks that are possible before minutes are spent on data."""
    config, workspace, fresh = request.config, request.workspace, request.forced == 0
    if request.source is not None:
        planned: Plan | None = Plan(graph, config, request.source, workspace)
    else:
        planned = plan(graph, config, workspace, fresh_data=fresh, progress=progress)
    for position, stage in enumerate(graph.stages[: request.last + 1]):
        if position >= request.forced or planned is None or planned.find(stage) is None:
            stage.preflight(config, progress)
    first = graph.stages[0]
    if planned is not None and (request.source or not (fresh or planned.find(first) is None)):
        return planned
    downloads = workspace.downloads(config.data.name)
    with explain_storage_errors(downloads):
        source = graph.sources.acquire(config, downloads, progress)
    return Plan(graph, config, source, workspace)


def _outdated(planned: Plan, request: Request) -> set[str]:
    """Return the stages that must run: missing, forced, or altered and needed by one of these."""
    outdated: set[str] = set()
    stages = planned.graph.stages[: request.last + 1]
    for position, stage in reversed(list(enumerate(stages))):
        output = None if position >= request.forced else planned.find(stage)
        readers = [later for later in stages[position + 1 :] if later.name in outdated]
        is_read = any(stage.name in later.inputs for later in readers)
        is_verified = any(stage.name in later.verifies for later in readers)
        if output is None or (is_read and not is_verified and not output.is_unaltered()):
            outdated.add(stage.name)
    # Verification applies to the files themselves: regenerated files are verified again.
    return outdated | {stage.name for stage in stages if outdated & set(stage.verifies)}


def _existing(planned: Plan) -> set[str]:
    """Return the stages that have an output; any that appears later is from a concurrent run."""
    store, fingerprints = planned.workspace.store, planned.fingerprints
    return {
        s.name
        for s in planned.graph.stages
        if store.find(s.facts, fingerprints[s.name]) is not None
    }


def _run_or_find(
    stage: Stage[Any], planned: Plan, context: Context, *, replaced: bool
) -> StageResult:
    found = None if replaced else planned.find(stage)
    if found is not None:
        return StageResult(stage.name, "cached", 0.0, found)
    store, fingerprint = planned.workspace.store, planned.fingerprints[stage.name]
    started = time.monotonic()
    ingredients = planned.ingredients[stage.name]
    on_written = None
    with (
        suppress(FolderExists),  # another process was faster with the same output
        store.write(stage.facts, fingerprint, ingredients, replace=replaced) as writing,
    ):
        with context.progress.stage(stage.name):
            outcome = stage.run(context, writing.folder)
        writing.facts, on_written = outcome.facts, outcome.on_written
    if on_written is not None:
        on_written()
    output = store.find(stage.facts, fingerprint)
    assert output is not None, "an output just written is complete"
    return StageResult(stage.name, "ran", round(time.monotonic() - started, 3), output)
