"""Run one trial of a study up to ``evaluate``, unless its result is stored."""

from pipeline.artifacts.history import read_costs, read_history
from pipeline.artifacts.stage_facts import DataFacts, EvaluateFacts, TrainFacts
from pipeline.config.schema import Config
from pipeline.engine.plan import Plan
from pipeline.engine.workspace import Workspace
from pipeline.errors import TrainingDiverged, TrainingStalled
from pipeline.progress import Progress, Task
from pipeline.stages import plan_stages, run_stages
from pipeline.studies.outcomes import Outcome, read_outcome, write_outcome
from pipeline.studies.reading import Study
from pipeline.studies.search.search import Proposal
from pipeline.studies.trial import Status, Trial
from pipeline.studies.trial_checks import errors_of_trial
from pipeline.studies.watch import TrialPruned, Watch
from pipeline.tasks.combinations import score_in_logs
from pipeline.tasks.registry import task_of

_VALIDATION = "val_"


def run_trial(
    study: Study, proposal: Proposal, workspace: Workspace, progress: Progress, task: Task
) -> Trial:
    """Return the result of a trial; ``task`` shows how far its training is.

    Raises:
        RequestError: the configuration of the trial is invalid; the message names the trial.
        MachineError: the machine prevents the work.
    """
    with errors_of_trial(proposal.values):
        config = study.config_of(proposal.values)
        planned = _plan(config, workspace, progress)
        watch = Watch(proposal, score_in_logs(task_of(config)), progress, task)
        outcome = _outcome(planned, watch)
        metrics = _metrics(planned, outcome)
    return Trial(
        proposal.values,
        outcome.status,
        metrics,
        planned.fingerprints[TrainFacts.stage],
        outcome.history,
        outcome.costs,
        outcome.reason,
    )


def failed_trial(study: Study, proposal: Proposal, workspace: Workspace, reason: str) -> Trial:
    """Return the result of a trial whose process ended before the training did."""
    planned = plan_stages(study.config_of(proposal.values), workspace)
    fingerprint = planned.fingerprints[TrainFacts.stage] if planned else ""
    return Trial(proposal.values, "failed", {}, fingerprint, reason=reason)


def is_stored(config: Config, workspace: Workspace) -> bool:
    """Return whether the result of a trial is known."""
    planned = plan_stages(config, workspace)
    stored = planned and _stored(planned)
    return bool(planned and stored and _is_final(planned, stored))


def prepare_data(study: Study, workspace: Workspace, progress: Progress) -> None:
    """Prepare the data for trials that run at the same time: each would download it.

    Raises:
        PipelineError: the data cannot be prepared.
    """
    for config in study.checked_configs():
        plan_with_data(config, workspace, progress)


def plan_with_data(config: Config, workspace: Workspace, progress: Progress) -> Plan:
    """Return the plan of a run whose data is prepared, if necessary now.

    Raises:
        PipelineError: the data cannot be prepared.
    """
    planned = _plan(config, workspace, progress)
    if planned.output(DataFacts) is None:
        run_stages(config, workspace, progress, until=DataFacts.stage)
        planned = _plan(config, workspace, progress)
    return planned


def _plan(config: Config, workspace: Workspace, progress: Progress) -> Plan:
    planned = plan_stages(config, workspace)
    if planned is None:  # the data must be downloaded first
        run_stages(config, workspace, progress, until=DataFacts.stage)
        planned = plan_stages(config, workspace)
        assert planned is not None, "the data is cached now"
    return planned


def _outcome(planned: Plan, watch: Watch) -> Outcome:
    """Return how the training ends, with the pruner asked after each epoch."""
    stored = _stored(planned)
    try:
        if stored is not None:
            for epoch, (logs, cost) in enumerate(zip(stored.history, stored.costs, strict=True)):
                watch.epoch_finished(epoch + 1, logs, cost)
        if stored is None or not _is_final(planned, stored):
            return _train(planned, watch)
    except TrialPruned as error:
        pruned = Outcome("pruned", str(error), tuple(watch.history), tuple(watch.costs))
        is_known = stored is not None and len(stored.history) >= len(pruned.history)
        return pruned if is_known else _store(planned, pruned)
    return stored


def _stored(planned: Plan) -> Outcome | None:
    trained = planned.output(TrainFacts)
    if trained is None:
        return read_outcome(planned.workspace, planned.fingerprints[TrainFacts.stage])
    return Outcome(
        "complete", "", tuple(read_history(trained.path)), tuple(read_costs(trained.path))
    )


def _is_final(planned: Plan, stored: Outcome) -> bool:
    if stored.status == "complete":
        return planned.output(EvaluateFacts) is not None
    return stored.status != "pruned"  # a study with a stricter pruner stopped it


def _train(planned: Plan, watch: Watch) -> Outcome:
    try:
        run_stages(planned.config, planned.workspace, watch, until=EvaluateFacts.stage)
    except (TrainingDiverged, TrainingStalled) as error:
        status: Status = "diverged" if isinstance(error, TrainingDiverged) else "stalled"
        return _store(
            planned, Outcome(status, str(error), tuple(error.history), tuple(error.costs))
        )
    stored = _stored(planned)
    assert stored is not None, "the training is complete"
    return stored


def _store(planned: Plan, outcome: Outcome) -> Outcome:
    write_outcome(planned.workspace, planned.fingerprints[TrainFacts.stage], outcome)
    return outcome


def _metrics(planned: Plan, outcome: Outcome) -> dict[str, float]:
    """Return the metrics of the validation set, the loss first; none if the training failed."""
    if outcome.status == "pruned":
        logs = outcome.history[-1].items()
        return {n.removeprefix(_VALIDATION): v for n, v in logs if n.startswith(_VALIDATION)}
    evaluated = planned.output(EvaluateFacts) if outcome.status == "complete" else None
    if evaluated is None:
        return {}
    validation = evaluated.facts.metrics["validation"]
    return {"loss": validation.loss, **validation.scores}
