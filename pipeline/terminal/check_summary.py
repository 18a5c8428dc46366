"""What a verification proved: one line a file, and what failed or was not run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.results.sentences import closest, failures, not_run
from pipeline.terminal.layout import new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.artifacts.checks import Check


def print_files(checks: "Sequence[Check]") -> None:
    """Print one line for each file that passed in a runtime."""
    table = new_table("file", "passed in", "difference", "tolerance", "labels", _score_name(checks))
    for artifact in dict.fromkeys(check.artifact for check in checks):
        of_file = [check for check in checks if check.artifact == artifact]
        passed = [check for check in of_file if check.passed]
        if passed:
            table.add_row(escape(artifact), *_row(passed))
        elif any(check.is_reference and not check.failures for check in of_file):
            table.add_row(escape(artifact), "[dim]reference[/]", "-", "-", "-", "-")
    if table.row_count:
        print_table(table)


def _row(passed: "Sequence[Check]") -> tuple[str, ...]:
    """Return the cells of a file: the difference closest to its tolerance, the lowest scores."""
    worst = closest(passed)
    labels = [check.label_agreement for check in passed if check.label_agreement is not None]
    scores = [check.score for check in passed if check.score is not None]
    runtimes = passed[0].runtime if len(passed) == 1 else f"{len(passed)} runtimes"
    return (
        f"[green]{escape(runtimes)}[/]",
        "-" if worst is None else f"{worst.max_abs_diff:.1e}",
        "-" if worst is None else f"{worst.allowed_diff:.1e}",
        f"{min(labels):.2%}" if labels else "-",
        f"{min(scores):.4f}" if scores else "-",
    )


def _score_name(checks: "Sequence[Check]") -> str:
    return checks[0].score_name if checks else "accuracy"


def print_failures(checks: "Sequence[Check]") -> None:
    """Print each check that failed with its reason, and the runtimes that are not installed."""
    for text in failures(checks):
        print_line(f"[red]FAIL[/] {escape(text)}")
    for text in not_run(checks):
        print_line(f"[yellow]not run[/] {escape(text)}")
