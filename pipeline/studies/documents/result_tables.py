"""The tables of a study: combinations, cost to the target, importance of the axes, trials."""

import statistics
from collections.abc import Sequence
from typing import Any

from pipeline.studies.axes import Values
from pipeline.studies.documents.tables import Cell, Column, Table, number_columns, text_columns
from pipeline.studies.documents.texts import (
    Labels,
    count_text,
    reason_text,
    score_text,
    seconds_text,
    short_text,
    status_text,
)
from pipeline.studies.importance import importances
from pipeline.studies.results import Group, StudyResult
from pipeline.studies.target import ToTarget, to_target
from pipeline.studies.trial import Trial

COSTS = ("epochs", "gradients", "images", "seconds")
NO_VALUE = Cell("-")


def combinations(result: StudyResult, costs: Sequence[str] = COSTS) -> Table:
    """Return a row for each combination of the compared keys, the best first.

    ``costs`` are means over the trials of the combination.
    """
    keys = [*result.compared_keys, *result.tuned_keys]
    columns = [
        *key_columns(result.trials, keys),
        *number_columns(f"validation {result.score.title}", "seeds"),
        *text_columns("status"),
        *number_columns(*costs),
    ]
    rows = [
        (
            *key_cells(group.values, keys),
            Cell(score_text(group), group.mean),
            Cell(str(len(group.trials)), len(group.trials)),
            Cell(status_text(group)),
            *(_mean_cost(group, cost) for cost in costs),
        )
        for group in result.ranked_groups
    ]
    return Table(tuple(columns), tuple(rows), 0 if result.winner else None)


def target_costs(result: StudyResult, target: float) -> Table:
    """Return what the combinations that reach the target need, the fewest images first."""
    found = [(group, to_target(group, target)) for group in result.ranked_groups]
    reached = [pair for pair in found if pair[1].num_reached]
    reached.sort(key=lambda pair: (-_share(*pair), pair[1].images, pair[1].gradients))
    labels = Labels(result)
    rows = [
        (
            Cell(labels.of(group)),
            Cell(f"{needed.num_reached} of {len(group.trials)}", _share(group, needed)),
            *(_cost_cell(name, getattr(needed, name)) for name in COSTS),
        )
        for group, needed in reached
    ]
    columns = [*text_columns("combination"), *number_columns("seeds that reach it", *COSTS)]
    return Table(tuple(columns), tuple(rows))


def differences(result: StudyResult) -> Table:
    """Return how each combination of ``one_at_a_time`` differs from the first, the worst last."""
    labels, first, title = Labels(result), result.groups[0], f"validation {result.score.title}"
    rows = [
        (
            Cell(labels.of(group)),
            Cell(score_text(group), group.mean),
            _difference(group.mean, first.mean),
        )
        for group in result.ranked_groups
        if group is not first
    ]
    columns = [*text_columns("what differs"), *number_columns(title, "difference")]
    return Table(tuple(columns), tuple(rows))


def _difference(mean: float | None, first: float | None) -> Cell:
    if mean is None or first is None:
        return NO_VALUE
    return Cell(f"{mean - first:+.4f}", mean - first)


def importance_of_axes(result: StudyResult) -> Table:
    """Return the share of the variance that each axis explains, the largest first."""
    rows = []
    for one in importances(result):
        unit = "groups" if one.is_grouped else "values"
        share = NO_VALUE if one.share is None else Cell(f"{100 * one.share:.1f} %", one.share)
        rows.append((Cell(one.key), Cell(f"{one.num_levels} {unit}", one.num_levels), share))
    columns = [*text_columns("axis"), *number_columns("levels", "share of the variance")]
    return Table(tuple(columns), tuple(rows))


def all_trials(result: StudyResult) -> Table:
    """Return a row for each trial, in the order proposed."""
    name = result.score.name
    columns = [
        *number_columns("trial"),
        *key_columns(result.trials, result.keys),
        *text_columns("status"),
        *number_columns(f"validation {result.score.title}", "validation loss", *COSTS),
        *text_columns("reason"),
    ]
    rows = [
        (
            Cell(str(number), number),
            *key_cells(trial.values, result.keys),
            Cell(trial.status),
            _metric(trial, name),
            _metric(trial, "loss"),
            *(_cost(trial, cost) for cost in COSTS),
            Cell(reason_text(trial)),
        )
        for number, trial in enumerate(result.trials, start=1)
    ]
    return Table(tuple(columns), tuple(rows))


def key_columns(trials: Sequence[Trial], keys: Sequence[str]) -> list[Column]:
    """Return the columns of keys; those with numbers only are columns of numbers."""
    return [
        Column(key, all(_is_number(t.values[key]) for t in trials if key in t.values))
        for key in keys
    ]


def key_cells(values: Values, keys: Sequence[str]) -> list[Cell]:
    """Return the values of keys; a key that a trial does not have has an empty cell."""
    return [
        Cell(short_text(values[key]), float(values[key]) if _is_number(values[key]) else None)
        if key in values
        else Cell("")
        for key in keys
    ]


def cost_of(trial: Trial, name: str) -> float:
    """Return the number of epochs, or a cost at the end of the training."""
    if name == "epochs":
        return len(trial.history)
    return float(getattr(trial.costs[-1], name)) if trial.costs else 0


def _share(group: Group, needed: ToTarget) -> float:
    return needed.num_reached / len(group.trials)


def _is_number(value: Any) -> bool:
    return type(value) in {int, float}


def _metric(trial: Trial, name: str) -> Cell:
    value = trial.metrics.get(name)
    return NO_VALUE if value is None else Cell(f"{value:.4f}", value)


def _cost(trial: Trial, name: str) -> Cell:
    return _cost_cell(name, cost_of(trial, name))


def _mean_cost(group: Group, name: str) -> Cell:
    return _cost_cell(name, statistics.fmean(cost_of(trial, name) for trial in group.trials))


def _cost_cell(name: str, value: float) -> Cell:
    return Cell(seconds_text(value) if name == "seconds" else count_text(value), value)
