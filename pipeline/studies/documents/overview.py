"""What a study varied, and its winner, in sentences."""

from collections import Counter

from pipeline.studies.documents.tables import Cell, Table, text_columns
from pipeline.studies.documents.texts import (
    overrides_text,
    plural,
    reason_text,
    rounded_text,
    score_text,
)
from pipeline.studies.results import StudyResult
from pipeline.studies.schema import SEED

_MAX_VALUES = 12


def summary(result: StudyResult) -> str:
    """Return how many trials there are, of what, and how they ended."""
    counts = Counter(trial.status for trial in result.trials)
    statuses = ", ".join(f"{count} {status}" for status, count in counts.items())
    return (
        f"{plural(len(result.trials), 'trial')} of {result.study.base.name}: {statuses or 'none'}."
    )


def axes_table(result: StudyResult) -> Table:
    """Return the keys that were varied, with the values that were tried."""
    rows = [
        (Cell(key), Cell(_values(result, key)), Cell(_role(result, key))) for key in result.keys
    ]
    return Table(tuple(text_columns("axis", "values", "role")), tuple(rows))


def failures(result: StudyResult) -> list[tuple[str, str, str, str]]:
    """Return which trials led to no model: their numbers, values, status and reason.

    Those of a group that ended in the same way are one entry.
    """
    found: dict[tuple[str, str, str], list[int]] = {}
    for number, trial in enumerate(result.trials, start=1):
        if trial.status != "complete":
            values = {key: value for key, value in trial.values.items() if key != SEED}
            entry = (overrides_text(values), trial.status, reason_text(trial))
            found.setdefault(entry, []).append(number)
    return [(_trials(own), *entry) for entry, own in found.items()]


def _trials(numbers: list[int]) -> str:
    return f"Trial{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def winner_facts(result: StudyResult) -> list[tuple[str, str, str]]:
    """Return the winner's scores on the validation set, and once on the test set.

    Each has a name, a number, and an explanation, which may be empty.
    """
    if result.winner is None:
        return []
    title, seeds = result.score.title, len(result.winner.scores)
    over = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else ""
    facts = [(f"validation {title}", score_text(result.winner), over)]
    if tested := result.test_scores:
        over = f"mean over {len(tested)} seeds; " if len(tested) > 1 else ""
        number = f"{sum(tested) / len(tested):.4f}"
        facts.append(
            (f"test {title}", number, f"{over}the test set was not used to choose the winner")
        )
    return facts


def _values(result: StudyResult, key: str) -> str:
    values = [trial.values[key] for trial in result.trials if key in trial.values]
    shown = list(dict.fromkeys(map(rounded_text, values)))
    if len(shown) <= _MAX_VALUES:
        return ", ".join(shown)
    if all(type(value) in {int, float} for value in values):
        return (
            f"{len(shown)} numbers from {rounded_text(min(values))} to {rounded_text(max(values))}"
        )
    return f"{', '.join(shown[:_MAX_VALUES])} and {len(shown) - _MAX_VALUES} more"


def _role(result: StudyResult, key: str) -> str:
    if key == SEED:
        return "seed"
    return "tuned" if key in result.tuned_keys else "compared"
