"""Print tables and lines in the width of the terminal, or in a fixed width into pipes."""

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pipeline.artifacts.metrics import Metrics

_WIDTH_OF_PIPES = 100  # instead of the 80 that rich assumes without a terminal


def console(*, width_of_pipes: int = _WIDTH_OF_PIPES) -> Console:
    """Return the console for results."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=width_of_pipes)


def print_line(text: str) -> None:
    """Print a line without wrapping it, as it may contain a path."""
    console().print(text, soft_wrap=True)


def new_table(*columns: str) -> Table:
    """Return an empty table that folds cells that are too long."""
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[1:]:
        column.overflow = "fold"
    return table


def headline(metrics: "Metrics") -> str:
    """Return the first score of a split; its name is omitted if it is the accuracy."""
    name, value = metrics.headline
    return f"{value:.4f}" if name == "accuracy" else f"{name} {value:.4f}"
