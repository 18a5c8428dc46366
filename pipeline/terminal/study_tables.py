"""Print the results of a study."""

from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.studies.command_line import command_line
from pipeline.studies.documents.overview import winner_facts
from pipeline.studies.documents.result_tables import combinations
from pipeline.terminal.layout import new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.studies.results import StudyResult

_MAX_ROWS = 40


def print_study(result: "StudyResult") -> None:
    """Print a row for each combination of the keys that are compared, and the winner."""
    found = combinations(result, costs=["seconds"])
    titles = (column.title.replace(".", ".\n") for column in found.columns)
    table = new_table(*map(escape, titles))
    for number, row in enumerate(found.rows[:_MAX_ROWS]):
        style = "bold green" if number == found.best else None
        table.add_row(*(escape(cell.text) for cell in row), style=style)
    print_table(table)
    if len(found.rows) > _MAX_ROWS:
        print_line(f"{len(found.rows) - _MAX_ROWS} more rows are in {escape(str(result.folder))}.")
    _print_winner(result)
    print_line(f"Results: {escape(str(result.folder))}")


def _print_winner(result: "StudyResult") -> None:
    if result.best_trial is None:
        print_line("No trial produced a model.")
        return
    facts = winner_facts(result)
    shown = (f"{name} {text}" + (f" ({why})" if why else "") for name, text, why in facts)
    print_line(f"Winner: {', '.join(shown)}")
    print_line(f"To publish it: {escape(command_line(result.study, result.best_trial.values))}")
