"""The data of a study's page: its combinations with their learning curves, in plain values."""

import math
from collections.abc import Iterator
from typing import Any

from pipeline.studies.documents.texts import (
    Labels,
    ending,
    rounded_text,
    short_text,
    text_of,
)
from pipeline.studies.results import Group, StudyResult
from pipeline.studies.target import logged
from pipeline.studies.trial import Trial

_DIGITS = 5  # more than are displayed
_MAX_VALUES = 24  # of an axis of the heat map
_PREFIX = "val_"


def page_data(result: StudyResult) -> dict[str, Any]:
    """Return the data that the scripts of the page read; groups in the order of the ranks."""
    measures = list(_measures(result))
    names, labels = [measure["name"] for measure in measures], Labels(result)
    return {
        "score": {"title": result.score.title, "isError": result.score.is_error},
        "target": result.study.settings.target,
        "logged": logged(result.score),
        "measures": measures,
        "axes": list(_axes(result)),
        "tuned": [{"key": key, "title": ending(key)} for key in result.tuned_keys],
        "groups": [_group(group, labels.of(group), names) for group in result.ranked_groups],
    }


def _measures(result: StudyResult) -> Iterator[dict[str, Any]]:
    """Yield what is measured after each epoch: the score, the validation loss, the training loss.

    Then come other values of the validation set.
    """
    names = dict.fromkeys(name for t in result.trials for logs in t.history for name in logs)
    score = logged(result.score)
    wanted = [score, "val_loss", "loss", *(name for name in names if name.startswith(_PREFIX))]
    for name in dict.fromkeys(wanted):
        if name in names:
            of = "validation" if name.startswith(_PREFIX) else "training"
            short = name.removeprefix(_PREFIX).replace("_", " ")
            yield {
                "name": name,
                "title": f"{of} {result.score.title if name == score else short}",
                "isShare": name == score and not result.score.is_error,
            }


def _axes(result: StudyResult) -> Iterator[dict[str, Any]]:
    """Yield the compared keys that differ, with their values: numbers first, in their order.

    The value null is that of combinations without the key. If one key at a time is varied, no two
    of them have combinations of their values, so there are none.
    """
    if result.study.varies_one_at_a_time:
        return
    for key in result.compared_keys:
        values = [one.values[key] for one in result.groups if key in one.values]
        in_order = sorted(values, key=_place)
        shown: dict[str | None, str] = {text_of(value): short_text(value) for value in in_order}
        if len(values) < len(result.groups):
            shown[None] = "not set"
        if 1 < len(shown) <= _MAX_VALUES:
            labels = [{"text": text, "label": label} for text, label in shown.items()]
            yield {"key": key, "title": ending(key), "values": labels}


def _place(value: Any) -> float:
    """Return what values of an axis are sorted by: texts keep their order, after the numbers."""
    return value if type(value) in {int, float} else math.inf


def _group(group: Group, label: str, names: list[str]) -> dict[str, Any]:
    return {
        "label": label,
        "values": {key: text_of(value) for key, value in group.values.items()},
        "shown": {key: rounded_text(value) for key, value in group.values.items()},
        "mean": _rounded(group.mean),
        "runs": [_run(trial, names) for trial in group.trials],
    }


def _run(trial: Trial, names: list[str]) -> dict[str, Any]:
    return {
        "isComplete": trial.status == "complete",
        "logs": [[_rounded(logs.get(name)) for logs in trial.history] for name in names],
        "gradients": [cost.gradients for cost in trial.costs],
        "images": [cost.images for cost in trial.costs],
        "seconds": [_rounded(cost.seconds) for cost in trial.costs],
    }


def _rounded(value: float | None) -> float | None:
    """Return a number for strict JSON with few digits, and null for NaN and infinity."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")
