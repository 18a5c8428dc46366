"""How much of a study's budget is used."""

from collections.abc import Sequence

from pipeline.studies.schema import Budget
from pipeline.studies.trial import Trial


def is_used_up(budget: Budget, trials: Sequence[Trial]) -> bool:
    """Return whether no further trial may begin.

    Trials count in full wherever they ran, so that a study that is resumed, or that finds trials of
    another one, has the same trials.
    """
    epochs = sum(len(trial.history) for trial in trials)
    images = sum(trial.costs[-1].images for trial in trials if trial.costs)
    used = {"trials": len(trials), "epochs": epochs, "images": images}
    limits = budget.model_dump()
    return any(limits[unit] is not None and used[unit] >= limits[unit] for unit in used)


def within(budget: Budget, trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Return the trials that may begin, without those that ran ahead at the same time as others."""
    allowed = (n for n in range(len(trials)) if is_used_up(budget, trials[:n]))
    return tuple(trials[: next(allowed, len(trials))])
