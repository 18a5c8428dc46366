"""Compare sides: what differs in their configurations, their scores and their predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.comparison.pairs import Pair, compare_pair
from pipeline.comparison.sides import SEED, Side, require_comparable
from pipeline.comparison.summaries import (
    CurveSummary,
    MetricSummary,
    RuntimeSummary,
    metric_names,
    summarize_curves,
    summarize_metric,
    summarize_runtimes,
)
from pipeline.comparison.verdict import Verdict

ABSENT = "(not set)"  # the value of a key that a configuration does not have


@dataclass(frozen=True)
class Comparison:
    """A comparison; the tuples of summaries are in the order of the sides.

    ``differences`` maps each key whose value differs to that of each side.
    """

    sides: tuple[Side, ...]
    differences: dict[str, tuple[Any, ...]]
    metrics: dict[str, tuple[MetricSummary, ...]]
    pairs: tuple[Pair, ...]
    curves: tuple[tuple[CurveSummary, ...], ...]
    runtimes: tuple[tuple[RuntimeSummary, ...], ...]
    verdict: Verdict | None = None


def compare_sides(sides: Sequence[Side]) -> Comparison:
    """Compare each later side with the first one.

    Raises:
        RequestError: they were not tested on the same images with the same labels.
    """
    first, *others = sides
    for other in others:
        require_comparable(first, other)
    names = metric_names(sides)
    return Comparison(
        sides=tuple(sides),
        differences=_differences(sides),
        metrics={name: tuple(summarize_metric(side, name) for side in sides) for name in names},
        pairs=tuple(compare_pair(first, other, names) for other in others),
        curves=tuple(map(summarize_curves, sides)),
        runtimes=tuple(map(summarize_runtimes, sides)),
    )


def _differences(sides: Sequence[Side]) -> dict[str, tuple[Any, ...]]:
    """Return the keys that differ; the seeds are those of all members."""
    configs = [{**side.first.config, SEED: [m.seed for m in side.members]} for side in sides]
    keys = dict.fromkeys(key for config in configs for key in config)
    rows = {key: tuple(config.get(key, ABSENT) for config in configs) for key in keys}
    return {key: row for key, row in rows.items() if any(value != row[0] for value in row[1:])}
