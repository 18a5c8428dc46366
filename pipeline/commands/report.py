"""``pipeline report``: the report of a published version, or of a run as far as it went."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.artifacts.report import REPORT_FILE
from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    ExportFacts,
    ReportFacts,
    TrainFacts,
    VerifyFacts,
)
from pipeline.commands.recorded_runs import find_recorded, matching
from pipeline.config.finding import find_config, is_config
from pipeline.config.places import Places
from pipeline.config.reading import read, validate
from pipeline.engine.stage import load
from pipeline.errors import ModelError, RequestError, did_you_mean
from pipeline.publishing.locating import locate
from pipeline.publishing.published_folder import PublishedModel, find_published, versions_of
from pipeline.stages import plan_stages
from pipeline.system.atomic import explain_storage_errors

if TYPE_CHECKING:
    from pipeline.config.schema import Config
    from pipeline.engine.records import Record, RecordedRun
    from pipeline.engine.workspace import Workspace
    from pipeline.progress import Progress


def report(name: str, workspace: "Workspace", progress: "Progress") -> Path:
    """Return the path of a report; a run that ended before its stage gets one in ``runs/reports``.

    ``name`` is a run, by its name and hash or its hash; a published model, with or without its
    version; or a configuration. A name alone is the last run of that name.

    Raises:
        RequestError: there is no such run or model, or the run has no metrics.
        ModelError: the report of a published version is missing or was altered.
    """
    runs = workspace.records.all()
    if name.endswith((".yaml", ".yml")):
        return _of_configuration(name, runs, workspace, progress)
    if any(run.record.id == name for run in runs):
        return _of_run(find_recorded(workspace, name), workspace, progress)
    if published := _published(name, workspace):
        return _of_version(published, runs, workspace, progress)
    if matching(runs, name):
        return _of_run(find_recorded(workspace, name), workspace, progress)
    if is_config(name):
        return _of_configuration(name, runs, workspace, progress)
    raise _not_found(name, runs, workspace)


def _published(name: str, workspace: "Workspace") -> PublishedModel | None:
    try:
        path = locate(name, workspace.exported)
    except ModelError:
        if "/" in name or versions_of(workspace.exported / name):
            raise
        return None
    if not path.is_dir() or not (versions_of(path) or versions_of(path.parent)):
        return None
    return find_published(path)


def _of_version(
    model: PublishedModel, runs: "list[RecordedRun]", workspace: "Workspace", progress: "Progress"
) -> Path:
    path = model.path / REPORT_FILE
    if REPORT_FILE in model.manifest.files:
        altered = [text for text in model.alterations() if text.startswith(REPORT_FILE)]
        if altered:
            raise ModelError(
                f"The report of {model.name} version {model.version} cannot be shown: {altered[0]} "
                f"({path}). Publish the model again (pipeline run)."
            )
        return path
    for run in runs:  # of an older version of the package
        if _identity(run) == (model.name, model.manifest.stages.train):
            return _of_run(run, workspace, progress)
    raise RequestError(
        f"{model.path} was published without a report, and its run is not recorded in "
        f"{workspace.records.folder}. Run its configuration again (pipeline run)."
    )


def _of_configuration(
    name: str, runs: "list[RecordedRun]", workspace: "Workspace", progress: "Progress"
) -> Path:
    """Return the report of the run of exactly this configuration."""
    config = read(find_config(Path(name)), [])
    planned = plan_stages(config, workspace)
    wanted = planned.fingerprints[TrainFacts.stage] if planned else None
    for run in runs:
        if _identity(run) == (config.name, wanted):
            return _of_run(run, workspace, progress)
    words = ["pipeline", "run", name, "--until", EvaluateFacts.stage, *workspace.options]
    raise RequestError(
        f"No run of the configuration {name!r} as it is now is recorded in "
        f"{workspace.records.folder}. Run it: {shlex.join(words)}"
    )


def _identity(run: "RecordedRun") -> tuple[str, str]:
    return run.record.name, run.record.fingerprint


def _of_run(recorded: "RecordedRun", workspace: "Workspace", progress: "Progress") -> Path:
    record = recorded.record
    found = workspace.store.find(ReportFacts, record.stages.get(ReportFacts.stage, ""))
    if found is not None:
        return found.path / REPORT_FILE
    outputs = {
        facts: workspace.store.find(facts, record.stages.get(facts.stage, ""))
        for facts in (DataFacts, TrainFacts, EvaluateFacts, ExportFacts, VerifyFacts)
    }
    missing = [f.stage for f in (DataFacts, TrainFacts, EvaluateFacts) if outputs[f] is None]
    if missing:
        raise _no_metrics(recorded, missing[0], workspace)
    path = workspace.store.root / "reports" / f"{record.id}.html"
    # Imported only now: both load TensorFlow and matplotlib.
    stage, run = load("pipeline.reporting.stage"), load("pipeline.reporting.run")
    load("matplotlib")
    reported = run.ReportedRun(_config(record), workspace.root, *outputs.values())
    with explain_storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stage.write_report(reported, path, progress)
    return path


def _no_metrics(run: "RecordedRun", missing: str, workspace: "Workspace") -> RequestError:
    """Return the error for a run that has not been evaluated, or whose outputs were removed."""
    record, wanted = run.record, EvaluateFacts.stage
    if not run.is_running:
        return RequestError(
            f"Cannot write a report for the run {record.id}: the output of its stage {missing} is "
            f"missing in {workspace.store.root}. Run it again, at least with --until {wanted}."
        )
    watch = shlex.join(["pipeline", "watch", record.id, *workspace.options])
    stages = list(record.stages)
    advice = (
        f"Try again once the stage {wanted} is complete"
        if stages.index(record.until) >= stages.index(wanted)
        else f"It ends with the stage {record.until}: run it again with --until {wanted}"
    )
    return RequestError(
        f"The run {record.id} is in progress (stage {missing}), and a report needs the output of "
        f"its stage {wanted}. {advice}. To watch it: {watch}"
    )


def _config(record: "Record") -> "Config":
    return validate(record.config, Places(f"the record of the run {record.id}"))


def _not_found(name: str, runs: "list[RecordedRun]", workspace: "Workspace") -> RequestError:
    models = [path.name for path in workspace.exported.glob("*") if versions_of(path)]
    near = did_you_mean(name, dict.fromkeys([*models, *(run.record.id for run in runs)]))
    return RequestError(
        f"There is no run, published model or configuration {name!r} in {workspace.root}. {near}"
        "List the runs with pipeline runs, and the published models with pipeline models."
    )
