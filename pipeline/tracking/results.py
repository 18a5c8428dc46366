"""What is tracked of a run that has ended, also of one whose stages were up to date."""

from pathlib import Path

from pipeline.artifacts.history import read_costs, read_history
from pipeline.artifacts.report import REPORT_FILE
from pipeline.artifacts.stage_facts import EvaluateFacts, PublishFacts, ReportFacts, TrainFacts
from pipeline.config.origin import flatten
from pipeline.config.schema import Config
from pipeline.engine.plan import Plan
from pipeline.engine.records import record_id
from pipeline.engine.store import StageOutput
from pipeline.progress import TrainingCost
from pipeline.publishing.portable import portable_config
from pipeline.tracking.events import Event, metrics, now


def description(config: Config, fingerprint: str, uri: str, workspace: Path) -> Event:
    """Return the event that begins a run; ``fingerprint`` is that of its training."""
    values = flatten(portable_config(config, workspace))
    return {
        "event": "run",
        "run": record_id(config.name, fingerprint),
        "name": config.name,
        "uri": uri,
        "params": {key: value for key, value in values.items() if value is not None},
        "time": now(),
    }


def epoch_event(number: int, logs: dict[str, float], cost: TrainingCost) -> Event:
    """Return the metrics of an epoch; its seconds are those since the training began."""
    return metrics("epoch", number, {**logs, "seconds": cost.seconds})


def results(planned: Plan) -> list[Event]:
    """Return the epochs, scores, report and published version, as far as the run went."""
    trained, evaluated = planned.output(TrainFacts), planned.output(EvaluateFacts)
    reported, published = planned.output(ReportFacts), planned.output(PublishFacts)
    events = _epochs(trained) if trained else []
    if trained and evaluated:
        events.append(metrics("evaluate", trained.facts.epochs, _scores(evaluated.facts)))
    if reported:
        path = (reported.path / REPORT_FILE).relative_to(planned.workspace.root)
        events.append({"event": "report", "path": path.as_posix()})
    if published:
        events.append({"event": "model", "version": published.facts.version})
    return events


def _epochs(trained: StageOutput[TrainFacts]) -> list[Event]:
    reports = zip(read_history(trained.path), read_costs(trained.path), strict=True)
    return [epoch_event(number, logs, cost) for number, (logs, cost) in enumerate(reports, 1)]


def _scores(facts: EvaluateFacts) -> dict[str, float]:
    return {
        f"{split}_{name}": value
        for split, measured in facts.metrics.items()
        for name, value in {"loss": measured.loss, **measured.scores}.items()
    }
