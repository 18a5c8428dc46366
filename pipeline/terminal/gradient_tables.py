"""The tables of ``pipeline gradcheck``: gradients, then update rules."""

from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.terminal.layout import new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.gradcheck.report import GradientCheck, GradientRow, Measured, UpdateRow


def print_gradients(result: "GradientCheck") -> None:
    """Print a row for each gradient and each update rule, and what the columns mean."""
    print_line(
        f"[bold]{escape(result.name)}[/]: mean loss {result.loss:.6f} over {result.images} images"
    )
    rows = new_table("layer", "gradient", "shape", "norm", "by hand", "differences", "float32", "")
    for row in result.gradients:
        rows.add_row(
            escape(row.layer),
            row.tensor,
            " x ".join(map(str, row.shape)),
            f"{row.norm:.3e}",
            _relative(row.by_hand, row),
            _relative(row.differences, row),
            _relative(row.float32, row),
            _verdict(row.passed),
        )
    print_table(rows)
    print_line(
        "Distance from the framework's gradient in float64, as a share of the norm (in parentheses "
        "what is allowed): backpropagation in NumPy; central differences of sampled weights; for "
        "float32, the distance from the exact gradient."
    )
    _print_kinks(result)
    if result.note:
        print_line(escape(result.note))
    _print_updates(result.updates)


def _relative(measured: "Measured | None", row: "GradientRow") -> str:
    if measured is None:
        return "-"
    scale = row.norm or 1.0
    return f"{measured.difference / scale:.0e} ({measured.allowed / scale:.0e})"


def _verdict(passed: bool) -> str:
    return "[green]pass[/]" if passed else "[red]FAIL[/]"


def _print_kinks(result: "GradientCheck") -> None:
    made = [row.differences for row in result.gradients if row.differences is not None]
    moved = sum(measured.moved or 0 for measured in made)
    crossed = sum(measured.crossed for measured in made)
    print_line(
        f"Differences: {moved} weights were compared; {crossed} more crossed a kink of the loss, "
        "where it has no derivative, and were left out."
    )


def _print_updates(updates: "tuple[UpdateRow, ...]") -> None:
    rows = new_table("update rule", "formula", "difference", "")
    for row in updates:
        rows.add_row(
            row.rule,
            escape(row.formula),
            f"{row.compared.difference:.0e}",
            _verdict(row.compared.passed),
        )
    print_table(rows)
    for row in updates:
        if row.convention:
            print_line(f"{row.rule}: {escape(row.convention)}.")
