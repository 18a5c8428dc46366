"""What trials need to reach the target of a study."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.studies.results import Group
from pipeline.studies.trial import Trial
from pipeline.tasks.task import Score


@dataclass(frozen=True)
class ToTarget:
    """What the trainings of a group need to reach the target: means over those that reach it."""

    num_reached: int
    epochs: float = 0.0
    gradients: float = 0.0
    images: float = 0.0
    seconds: float = 0.0


def is_measured(trials: Sequence[Trial], score: Score) -> bool:
    """Return whether the score of the validation set is measured after each epoch."""
    return any(logged(score) in logs for trial in trials for logs in trial.history)


def logged(score: Score) -> str:
    """Return the name of the score of the validation set in the logs of an epoch."""
    return f"val_{score.name}"


def to_target(group: Group, target: float) -> ToTarget:
    """Return the cost up to the end of the first epoch whose validation score is the target."""
    found = [
        (epoch, trial.costs[epoch - 1])
        for trial in group.trials
        if (epoch := _first_epoch(trial, group.score, target)) is not None
    ]
    if not found:
        return ToTarget(0)
    costs = [cost for _, cost in found]
    return ToTarget(
        len(found),
        statistics.fmean(epoch for epoch, _ in found),
        statistics.fmean(cost.gradients for cost in costs),
        statistics.fmean(cost.images for cost in costs),
        statistics.fmean(cost.seconds for cost in costs),
    )


def _first_epoch(trial: Trial, score: Score, target: float) -> int | None:
    sign = -1 if score.is_error else 1
    for epoch, logs in enumerate(trial.history, start=1):
        value = logs.get(logged(score))
        if value is not None and sign * value >= sign * target:
            return epoch
    return None
