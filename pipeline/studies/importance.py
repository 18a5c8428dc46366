"""How much of the differences between the trials each axis explains."""

import statistics
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.config.value_hints import as_yaml
from pipeline.studies.results import StudyResult
from pipeline.studies.schema import SEED

_MAX_LEVELS = 8  # more different numbers are put into groups
_NUM_GROUPS = 4


@dataclass(frozen=True)
class Importance:
    """The importance of an axis with ``num_levels`` different values, 0 to 1.

    ``share`` is None where it cannot be estimated: each value was tried only once, or all scores
    are the same. If the values were put into groups, ``num_levels`` counts these.
    """

    key: str
    num_levels: int
    is_grouped: bool
    share: float | None


def importances(result: StudyResult) -> list[Importance]:
    """Return the importance of each axis that varies, the largest first.

    It is eta squared of a one-way analysis of variance of the validation scores of all complete
    trials, since a pruned one was trained for fewer epochs: the sum of squares between the levels
    of the axis, divided by the total sum of squares (Cohen, "Statistical Power Analysis for the
    Behavioral Sciences", 2nd edition, 1988, section 8.2). A trial without a value of the axis
    belongs to a level of its own. An axis with more than 8 different numbers, such as a range, is
    divided at its quartiles.

    Only main effects count, not interactions, and the estimate is biased upward: levels with few
    trials differ by chance.
    """
    rated = [trial for trial in result.distinct_trials if trial.status == "complete"]
    scores = [trial.metrics[result.score.name] for trial in rated]
    found = []
    for key in result.keys:
        values = [trial.values.get(key, _ABSENT) for trial in rated]
        levels, is_grouped = _levels(values, may_group=key != SEED)
        if (num := len(set(levels))) > 1:
            found.append(Importance(key, num, is_grouped, eta_squared(levels, scores)))
    return sorted(found, key=lambda one: -1 if one.share is None else one.share, reverse=True)


def eta_squared(levels: Sequence[str], scores: Sequence[float]) -> float | None:
    """Return the share of the variance between levels; None if it cannot be estimated."""
    members: dict[str, list[float]] = {}
    for level, score in zip(levels, scores, strict=True):
        members.setdefault(level, []).append(score)
    mean = statistics.fmean(scores)
    total = sum((score - mean) ** 2 for score in scores)
    if len(members) == len(scores) or not total > 0:
        return None
    between = sum(len(own) * (statistics.fmean(own) - mean) ** 2 for own in members.values())
    return min(between / total, 1.0)


_ABSENT = object()


def _levels(values: Sequence[Any], *, may_group: bool) -> tuple[list[str], bool]:
    """Return a level for each value, and whether levels are groups of numbers."""
    present = [value for value in values if value is not _ABSENT]
    numbers = [value for value in present if type(value) in {int, float}]
    if not may_group or len(numbers) < len(present) or len(set(numbers)) <= _MAX_LEVELS:
        return ["" if value is _ABSENT else as_yaml(value) for value in values], False
    cuts = statistics.quantiles(numbers, n=_NUM_GROUPS, method="inclusive")
    return ["" if v is _ABSENT else str(bisect_right(cuts, v)) for v in values], True
