"""The trials of a study as CSV."""

import csv
import io

from pipeline.studies.documents.result_tables import cost_of
from pipeline.studies.documents.texts import text_of
from pipeline.studies.results import StudyResult
from pipeline.studies.trial import Trial


def results_csv(result: StudyResult) -> str:
    """Return one row for each trial, in the order proposed.

    The columns are the axes, with values as they are written in overrides, then the status, the
    metrics of the validation set, what the training took, and why it failed. Keys and metrics that
    a trial does not have are empty.
    """
    metrics = list(dict.fromkeys(name for trial in result.trials for name in trial.metrics))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            *result.keys,
            "status",
            *(f"validation_{name}" for name in metrics),
            *("epochs", "gradients", "images", "seconds", "reason"),
        ]
    )
    writer.writerows(_row(trial, result.keys, metrics) for trial in result.trials)
    return text.getvalue()


def _row(trial: Trial, keys: list[str], metrics: list[str]) -> list[object]:
    return [
        *(text_of(trial.values[key]) if key in trial.values else "" for key in keys),
        trial.status,
        *(trial.metrics.get(name, "") for name in metrics),
        *(int(cost_of(trial, name)) for name in ("epochs", "gradients", "images")),
        round(trial.seconds, 3),
        trial.reason,
    ]
