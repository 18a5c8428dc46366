"""Print the results of a study."""

from collections import Counter
from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.config.yaml_text import value_text
from pipeline.studies.command_line import command_line
from pipeline.terminal.layout import console, new_table, print_line

if TYPE_CHECKING:
    from pipeline.studies.results import Group, StudyResult

_MAX_ROWS = 40


def print_study(result: "StudyResult") -> None:
    """Print a row for each combination of the keys that are compared, and the winner."""
    groups = result.tuned_groups
    keys = list(dict.fromkeys(key for group in groups for key in group.values))
    table = new_table(*keys, f"validation {result.score.title}", "seeds", "status", "seconds")
    for group in groups[:_MAX_ROWS]:
        style = "bold green" if group is result.winner else None
        table.add_row(*_cells(group, keys), style=style)
    console().print(table)
    if len(groups) > _MAX_ROWS:
        print_line(f"{len(groups) - _MAX_ROWS} more rows are in {escape(str(result.folder))}.")
    _print_winner(result)
    print_line(f"Results: {escape(str(result.folder))}")


def _cells(group: "Group", keys: list[str]) -> list[str]:
    values = [value_text(group.values[key]) if key in group.values else "" for key in keys]
    statuses = Counter(trial.status for trial in group.trials)
    shown = ", ".join(
        status if count == len(group.trials) else f"{count} {status}"
        for status, count in statuses.items()
    )
    seconds = sum(trial.seconds for trial in group.trials) / len(group.trials)
    cells = [*values, _score(group), str(len(group.trials)), shown, f"{seconds:.1f}"]
    return list(map(escape, cells))


def _score(group: "Group") -> str:
    if group.mean is None:
        return "-"
    return f"{group.mean:.4f}" + (f" ± {group.spread:.4f}" if group.spread is not None else "")


def _print_winner(result: "StudyResult") -> None:
    winner, trial = result.winner, result.best_trial
    if winner is None or trial is None:
        print_line("No trial led to a model.")
        return
    name, title = result.score.name, result.score.title
    tests = [result.test[one.fingerprint].scores[name] for one in winner.trials if one.metrics]
    over = f" (mean over {len(tests)} seeds)" if len(tests) > 1 else ""
    print_line(
        f"Best by validation {title}: {_score(winner)}; test {title}: "
        f"{sum(tests) / len(tests):.4f}{over}"
    )
    print_line(f"To publish it: {escape(command_line(result.study, trial.values))}")
