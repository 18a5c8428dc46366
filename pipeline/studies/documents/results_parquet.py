"""The learning curves of a study as Parquet, for notebooks."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.artifacts.history import Logs
from pipeline.progress import TrainingCost
from pipeline.studies.documents.texts import text_of
from pipeline.studies.results import StudyResult
from pipeline.studies.trial import Trial

_COSTS = {"gradients": "int64", "images": "int64", "seconds": "float64"}
_ABSENT = object()
_INT64 = 2**63


@dataclass(frozen=True)
class _Row:
    number: int
    trial: Trial
    epoch: int | None = None
    logs: Logs = field(default_factory=dict)
    cost: TrainingCost | None = None


def results_parquet(result: StudyResult) -> bytes:
    """Return one row for each epoch of each trial: the CSV has the trials, but not their curves.

    The columns are ``trial`` (from 1), the axes, ``status``, ``epoch`` (from 1), the values that
    are logged after each epoch, and ``gradients``, ``images`` and ``seconds`` up to its end. A
    trial without a complete epoch has one row, in which these are null. An axis whose values are
    all numbers, or all true or false, has that type; any other is text, as written in overrides.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    import pyarrow as pa
    import pyarrow.parquet

    columns = {
        name: pa.array(values, getattr(pa, kind)())
        for name, kind, values in _columns(result, list(_rows(result.trials)))
    }
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def _rows(trials: Sequence[Trial]) -> Iterator[_Row]:
    for number, trial in enumerate(trials, start=1):
        if not trial.history:
            yield _Row(number, trial)
        for epoch, (logs, cost) in enumerate(zip(trial.history, trial.costs, strict=True), start=1):
            yield _Row(number, trial, epoch, logs, cost)


def _columns(result: StudyResult, rows: list[_Row]) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield the name of each column, its type in pyarrow, and its values."""
    yield "trial", "int32", [row.number for row in rows]
    for key in result.keys:
        yield key, *_axis([row.trial.values.get(key, _ABSENT) for row in rows])
    yield "status", "string", [row.trial.status for row in rows]
    yield "epoch", "int32", [row.epoch for row in rows]
    for name in dict.fromkeys(name for row in rows for name in row.logs):
        yield name, "float64", [row.logs.get(name) for row in rows]
    for name, kind in _COSTS.items():
        yield name, kind, [getattr(row.cost, name, None) for row in rows]


def _axis(values: list[Any]) -> tuple[str, list[Any]]:
    kind, convert = _type_of([value for value in values if value is not _ABSENT])
    return kind, [None if value is _ABSENT else convert(value) for value in values]


def _type_of(values: list[Any]) -> tuple[str, Callable[[Any], Any]]:
    """Return the type of a column in pyarrow, and what makes a value one of it."""
    types = {type(value) for value in values}
    if types == {bool}:
        return "bool_", bool
    if types == {int} and all(abs(value) < _INT64 for value in values):
        return "int64", int
    if types in ({float}, {int, float}):
        return "float64", float
    return "string", text_of
