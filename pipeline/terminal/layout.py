"""How tables and lines are printed: on a terminal in its width, into pipes in a fixed one."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_WIDTH_OF_PIPES = 100  # where the output is no terminal, lines are not broken at 80


def console() -> Console:
    """Return where results are printed to."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDTH_OF_PIPES)


def print_line(text: str) -> None:
    """Print a line that may hold a path: it is never broken in two."""
    console().print(text, soft_wrap=True)


def new_table(*columns: str) -> Table:
    """Return an empty table whose cells fold where they are too long."""
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[1:]:
        column.overflow = "fold"
    return table
