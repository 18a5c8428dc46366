"""Values, numbers and names as the documents of a study show them."""

import json
from collections import Counter
from functools import cache
from typing import Any

from pipeline.config.yaml_text import value_text
from pipeline.studies.axes import Values
from pipeline.studies.results import Group, StudyResult

_NO_DIGITS = 100  # from here on, means of counts are rounded
_ONE_DIGIT = 10  # seconds


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


def count_text(number: float) -> str:
    """Return a count or a mean of counts: 550,000 or 3.7."""
    return f"{number:,.0f}" if number >= _NO_DIGITS else f"{number:.1f}".removesuffix(".0")


def seconds_text(seconds: float) -> str:
    """Return seconds with two digits after the point below 10, else one."""
    return f"{seconds:,.1f}" if seconds >= _ONE_DIGIT else f"{seconds:.2f}"


def plural(count: int, noun: str) -> str:
    """Return "1 trial" or "1,440 trials"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def label_of(result: StudyResult, group: Group) -> str:
    """Return a short name of a combination, from the compared keys that differ between them."""
    keys = varying(result, result.compared_keys) or varying(result, result.tuned_keys)
    parts = [_part(result, key, group.values[key]) for key in keys if key in group.values]
    return ", ".join(parts) or result.study.base.stem


def varying(result: StudyResult, keys: list[str]) -> list[str]:
    """Return the keys that do not have the same value in all combinations."""
    groups = result.ranked_groups
    return [key for key in keys if len({_text_or_none(one.values, key) for one in groups}) > 1]


def ending(key: str) -> str:
    """Return the last part of a key, in words: train.batch_size is batch size."""
    return key.rpartition(".")[2].replace("_", " ")


def _text_or_none(values: Values, key: str) -> str | None:
    return text_of(values[key]) if key in values else None


def short_text(value: Any) -> str:
    """Return a value for people: {name: sgd, momentum: 0.9} is sgd (momentum 0.9)."""
    if isinstance(value, dict) and isinstance(name := value.get("name"), str):
        others = [f"{ending(k)} {short_text(v)}" for k, v in value.items() if k != "name"]
        return f"{name} ({', '.join(others)})" if others else name
    return text_of(value)


def _part(result: StudyResult, key: str, value: Any) -> str:
    """Return a value with its key, unless all values of the key are names."""
    values = [one.values[key] for one in result.ranked_groups if key in one.values]
    are_names = all(isinstance(one, (str, dict)) for one in values)
    return short_text(value) if are_names else f"{ending(key)} {short_text(value)}"


def overrides_text(values: Values) -> str:
    """Return values as overrides."""
    return ", ".join(f"{key}={text_of(value)}" for key, value in values.items())
