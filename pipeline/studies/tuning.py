"""Tuned values that are the smallest or largest tried: better ones may be outside of the axis."""

from typing import Any

from pipeline.studies.results import Group, StudyResult, key_of

_MIN_VALUES = 3  # of two values, each is at an end


def at_the_edge(result: StudyResult, key: str) -> list[Group]:
    """Return the best groups whose number for a tuned key is the smallest or largest tried.

    Only the values that were tried for the same combination of the compared keys count.
    """
    tuned = result.study.tuned
    tried: dict[str, list[Any]] = {}
    for group in result.groups:
        if key in group.values:
            tried.setdefault(key_of(group.values, tuned), []).append(group.values[key])
    return [
        group
        for group in result.ranked_groups
        if group.best_trial is not None
        and key in group.values
        and _is_edge(group.values[key], tried[key_of(group.values, tuned)])
    ]


def _is_edge(value: Any, tried: list[Any]) -> bool:
    if any(type(one) not in {int, float} for one in tried) or len(set(tried)) < _MIN_VALUES:
        return False
    return value in {min(tried), max(tried)}
