"""The results of a study as one JSON document."""

from typing import Any

from pipeline.studies.results import StudyResult
from pipeline.studies.trial import Trial


def results_document(result: StudyResult) -> dict[str, Any]:
    """Return the trials in the order proposed, and the best one; metrics are on the validation set.

    Only the seconds differ between two runs of a study. The test set is evaluated for the best
    trial only.
    """
    trials = [_trial(trial) for trial in result.trials]
    return {"name": result.study.name, "trials": trials, "best": _best(result)}


def _trial(trial: Trial) -> dict[str, Any]:
    document: dict[str, Any] = {
        "overrides": trial.values,
        "metrics": trial.metrics,
        "status": trial.status,
        "seconds": round(trial.seconds, 3),
    }
    return {**document, "reason": trial.reason} if trial.reason else document


def _best(result: StudyResult) -> dict[str, Any] | None:
    winner, trial = result.winner, result.best_trial
    if winner is None or trial is None:
        return None
    test = result.test[trial.fingerprint]
    return {
        **_trial(trial),
        "seeds": {"count": len(winner.trials), "mean": winner.mean, "spread": winner.spread},
        "test": {"loss": test.loss, **test.scores},
    }
