"""The tables of a verification: the results, then the cost of each runtime."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.artifacts.cost import SLOWER
from pipeline.results.sentences import proof
from pipeline.terminal.check_summary import print_failures, print_files
from pipeline.terminal.layout import new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.artifacts.checks import Check
    from pipeline.artifacts.cost import Time

_TEN = 10  # microseconds; smaller numbers have a decimal place


def print_verification(checks: "Sequence[Check]", *, quiet: bool, verbose: bool) -> None:
    """Print what was proven: one line a file, or with ``verbose`` a row for each check."""
    if verbose:
        print_checks(checks)
    elif not quiet:
        print_files(checks)
    print_failures(checks)
    print_line(escape(proof(checks)))


def print_checks(checks: "Sequence[Check]") -> None:
    """Print a row for each artifact in each runtime: the result, then the cost."""
    score = checks[0].score_name if checks else "accuracy"
    columns = ("file", "runtime", "result", "difference", "tolerance", "labels", score)
    results = new_table(*columns)
    for check in checks:
        results.add_row(
            escape(check.artifact),
            f"{check.runtime} ({check.asked})" if check.asked else check.runtime,
            _result(check),
            _or_dash(check.max_abs_diff, "{:.1e}"),
            _or_dash(check.allowed_diff, "{:.1e}"),
            _or_dash(check.label_agreement, "{:.2%}"),
            _or_dash(check.score, "{:.4f}"),
        )
    print_table(results)
    _print_weights(checks)
    _print_costs([check for check in checks if check.cost])


def _result(check: "Check") -> str:
    if not check.ran:
        return "[yellow]not run[/]"
    if check.failures:
        return "[red]FAIL[/]"
    return "reference" if check.is_reference else "[green]pass[/]"


def _print_weights(checks: "Sequence[Check]") -> None:
    """Print in which files the weights were found to be the trained ones, bit for bit."""
    equal = dict.fromkeys(check.artifact for check in checks if check.weights_equal)
    if equal:
        print_line(f"[dim]Trained weights, bit for bit, in {escape(', '.join(equal))}.[/]")


def _print_costs(checks: "Sequence[Check]") -> None:
    """Print size, time and memory; times per image are the median and the 99th percentile."""
    if not checks:
        return
    copies = any(check.times_of_original for check in checks)
    columns = ["file, runtime", "load", "1 image", "1 of 256", "memory"]
    table = new_table(*columns, *["vs float32"] * copies)
    table.collapse_padding = True
    for column in table.columns:
        column.no_wrap = True  # a median and a percentile belong together
    for artifact, group in groupby(checks, key=lambda check: check.artifact):
        rows = list(group)
        table.add_row(f"[bold]{escape(artifact)}[/] {_megabytes(rows[0].bytes, 2)}")
        for check in rows:
            assert check.cost is not None, "checks without a cost are filtered out"
            one, many = check.cost.time_per_image.values()
            table.add_row(
                f"  {check.runtime}",
                f"{1e3 * check.cost.load_seconds:.0f} ms",
                _microseconds(one),
                _microseconds(many),
                _megabytes(check.cost.peak_memory_bytes, 0),
                *[_ratios(check)] * copies,
            )
    print_table(table)
    print_line("[dim]1 image, 1 of 256: microseconds per image, median / 99th percentile.[/]")
    if copies:
        print_line("[dim]vs float32: these medians, as multiples of the original's.[/]")


def _ratios(check: "Check") -> str:
    """Return how a copy compares with its original; slower is marked."""
    return " ".join(
        f"[yellow]{ratio:.1f}x[/]" if ratio >= SLOWER else f"{ratio:.1f}x"
        for ratio in (check.times_of_original or {}).values()
    )


def _megabytes(size: int | None, digits: int) -> str:
    return "-" if size is None else f"{size / 1e6:.{digits}f} MB"


def _microseconds(time: "Time") -> str:
    median, p99 = 1e6 * time.median_seconds, 1e6 * time.p99_seconds
    return f"{median:.{0 if median >= _TEN else 1}f} / {p99:.{0 if p99 >= _TEN else 1}f}"


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
