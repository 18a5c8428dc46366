"""What a verification proved: one sentence, one line a file, and what failed or was not run."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.terminal.layout import new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.artifacts.checks import Check


def proof(checks: "Sequence[Check]") -> str:
    """Return what was proven in one sentence; differences are those closest to their tolerance."""
    proven = [check for check in checks if check.passed]
    if not proven:
        return "No file was verified."
    counts = (
        _count({check.artifact for check in proven}, "file"),
        _count({check.runtime for check in proven}, "runtime"),
        _count(proven, "check"),
    )
    text = "Verified {} in {}, {}".format(*counts)
    by_precision = groupby(sorted(proven, key=_precision), key=_precision)
    differences = [_difference(name, closest(list(group))) for name, group in by_precision]
    shown = "; ".join(filter(None, differences))
    return f"{text}: {shown}" if shown else f"{text}."


def _precision(check: "Check") -> tuple[bool, str]:
    return check.precision != "float32", check.precision


def _difference(precision: tuple[bool, str], check: "Check | None") -> str:
    """Return a difference beside its tolerance; the precision of the trained model is not named."""
    if check is None:
        return ""
    of = f"{precision[1]} " if precision[0] else "difference "
    return f"{of}{check.max_abs_diff:.1e} (tolerance {check.allowed_diff:.1e})"


def closest(checks: "Iterable[Check]") -> "Check | None":
    """Return the check whose difference takes up most of its tolerance, if any has both."""
    measured = [check for check in checks if check.allowed_diff and check.max_abs_diff is not None]
    return max(measured, key=_share_of_tolerance, default=None)


def _share_of_tolerance(check: "Check") -> float:
    return (check.max_abs_diff or 0.0) / (check.allowed_diff or 1.0)


def _count(things: "Sequence[object] | set[str]", name: str) -> str:
    return f"{len(things)} {name}" if len(things) == 1 else f"{len(things)} {name}s"


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
    for check in checks:
        if check.failures:
            reasons = escape("; ".join(check.failures))
            print_line(f"[red]FAIL[/] {escape(check.artifact)} in {check.runtime}: {reasons}")
    print_not_run(checks)


def print_not_run(checks: "Sequence[Check]") -> None:
    """Print which runtimes are not installed, and how to install them."""
    for advice in dict.fromkeys(check.advice for check in checks if check.advice):
        names = dict.fromkeys(check.runtime for check in checks if check.advice == advice)
        print_line(f"[yellow]not run[/] in {', '.join(names)}. To install: {escape(advice)}")
