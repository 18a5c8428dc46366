"""Values, numbers and names as the documents of a study show them."""

import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from pipeline.config.yaml_text import value_text
from pipeline.studies.axes import Values
from pipeline.studies.results import Group, StudyResult
from pipeline.studies.trial import Trial

FIRST = "first values"  # the combination that all others of one_at_a_time are compared with
_NO_DIGITS = 100  # from here on, means of counts are rounded
_ONE_DIGIT = 10  # seconds
_MAX_REASON = 300  # a crash may have a long traceback
_MAX_LENGTH = 8  # of a number that is not rounded


def text_of(value: Any) -> str:
    """Return a value as it is written after ``KEY=``."""
    return _text_of_json(json.dumps(value))


@cache
def _text_of_json(text: str) -> str:
    return value_text(json.loads(text))  # parses YAML, and a study has few different values


def score_text(group: Group) -> str:
    """Return the mean with the standard deviation over the seeds, if there are several."""
    if group.mean is None:
        return "-"
    return f"{group.mean:.4f}" + (f" ± {group.spread:.4f}" if group.spread is not None else "")


def status_text(group: Group) -> str:
    """Return how the trainings ended: "complete", or "2 complete, 1 diverged"."""
    counts = Counter(trial.status for trial in group.trials)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def reason_text(trial: Trial) -> str:
    """Return why a trial has no model, on one line of limited length; the CSV has all of it."""
    text = " ".join(trial.reason.split())
    return text if len(text) <= _MAX_REASON else f"{text[:_MAX_REASON]}..."


def count_text(number: float) -> str:
    """Return a count or a mean of counts: 550,000 or 3.7."""
    return f"{number:,.0f}" if number >= _NO_DIGITS else f"{number:.1f}".removesuffix(".0")


def seconds_text(seconds: float) -> str:
    """Return seconds with two digits after the point below 10, else one."""
    return f"{seconds:,.1f}" if seconds >= _ONE_DIGIT else f"{seconds:.2f}"


def plural(count: int, noun: str) -> str:
    """Return "1 trial" or "1,440 trials"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


class Labels:
    """Short names of the combinations of a study, from the compared keys that differ.

    If one key at a time is varied, a name has only what differs from the first combination.
    """

    def __init__(self, result: StudyResult) -> None:
        """Find the keys; a key is part of the names unless its values are names themselves."""
        groups = result.ranked_groups
        is_varied_alone = result.study.varies_one_at_a_time
        self._first = result.groups[0].values if is_varied_alone and groups else {}
        self._base = FIRST if is_varied_alone else result.study.base.stem
        self._keys = _varying(groups, result.compared_keys) or _varying(groups, result.tuned_keys)
        self._named = {
            key
            for key in self._keys
            if not is_varied_alone  # there, the place in the name does not tell the key
            and all(isinstance(one.values.get(key, ""), (str, dict)) for one in groups)
        }

    def of(self, group: Group) -> str:
        """Return the name of a combination."""
        differs = (key for key in self._keys if key in group.values and self._differs(key, group))
        parts = [self._part(key, group.values[key]) for key in differs]
        return ", ".join(parts) or self._base

    def _differs(self, key: str, group: Group) -> bool:
        return key not in self._first or text_of(self._first[key]) != text_of(group.values[key])

    def _part(self, key: str, value: Any) -> str:
        if key in self._named:
            return short_text(value)
        same_ending = [other for other in self._keys if ending(other) == ending(key)]
        return f"{ending(key) if len(same_ending) == 1 else key} {short_text(value)}"


def _varying(groups: Sequence[Group], keys: Sequence[str]) -> list[str]:
    """Return the keys that do not have the same value in all combinations."""
    return [
        key
        for key in keys
        if len({text_of(one.values[key]) if key in one.values else None for one in groups}) > 1
    ]


def ending(key: str) -> str:
    """Return the last part of a key, in words: train.batch_size is batch size."""
    return key.rpartition(".")[2].replace("_", " ")


def short_text(value: Any) -> str:
    """Return the short form of a value: {name: sgd, momentum: 0.9} is sgd (momentum 0.9)."""
    if isinstance(value, dict) and isinstance(name := value.get("name"), str):
        others = [f"{ending(k)} {short_text(v)}" for k, v in value.items() if k != "name"]
        return f"{name} ({', '.join(others)})" if others else name
    return rounded_text(value)


def rounded_text(value: Any) -> str:
    """Return a value as it is written after ``KEY=``, but a drawn number with four digits only."""
    exact = text_of(value)
    return f"{value:.4g}" if isinstance(value, float) and len(exact) > _MAX_LENGTH else exact


def overrides_text(values: Values) -> str:
    """Return values as overrides."""
    return ", ".join(f"{key}={text_of(value)}" for key, value in values.items())
