"""Print tables and lines in the width of the terminal, or in a fixed width into pipes."""

import re
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.terminal.fitting import PADDINGS, drop_empty_columns, fits, records, word_width

if TYPE_CHECKING:
    from pipeline.artifacts.metrics import Metrics

_WIDTH_OF_PIPES = 100  # instead of the 80 that rich assumes without a terminal


class OutputConsole(Console):
    """A console that raises BrokenPipeError; Rich exits with code 1, that of a failed gate."""

    def on_broken_pipe(self) -> None:
        """Report that the reader of the output is gone."""
        raise BrokenPipeError


def console(*, width_of_pipes: int = _WIDTH_OF_PIPES, stderr: bool = False) -> Console:
    """Return the console for results."""
    found = OutputConsole(highlight=False, stderr=stderr)
    if found.is_terminal:
        return found
    return OutputConsole(highlight=False, stderr=stderr, width=width_of_pipes)


def print_line(text: str) -> None:
    """Print a paragraph on standard output."""
    print_wrapped(console(), text)


def print_wrapped(output: Console, text: str, *, indent: int = 0) -> None:
    """Print text with markup: on a terminal wrapped between words, elsewhere as one line.

    Longer words, such as paths, are left to the terminal, which copies them in one piece. The
    indentation is that of the second line and the following ones.
    """
    if not output.is_terminal:
        output.print(text, soft_wrap=True)
        return
    indent = indent if output.width >= 3 * indent else 2
    first, *rest = wrap(Text.from_markup(text), output.width)
    if rest:
        rest = wrap(Text(" ").join(rest), output.width - indent)
    for line in (first, *(Text(" " * indent).append_text(line) for line in rest)):
        output.print(line, soft_wrap=True)


def wrap(text: Text, width: int) -> list[Text]:
    """Return the lines of a text wrapped between words; only a longer word exceeds the width.

    Rich breaks longer words, or does not wrap at all.
    """
    breaks, line = [], 0
    for word in re.finditer(r"\s*\S+", text.plain):
        if line and line + cell_len(word.group()) > width:
            breaks.append(word.start())
            line = cell_len(word.group().lstrip())
        else:
            line += cell_len(word.group())
    lines = list(text.divide(breaks))
    return [lines[0], *(one[len(one.plain) - len(one.plain.lstrip()) :] for one in lines[1:])]


def print_table(
    table: Table, *, stderr: bool = False, width_of_pipes: int = _WIDTH_OF_PIPES
) -> None:
    """Print a table without breaking a word; a list of its rows in a terminal too narrow for it."""
    drop_empty_columns(table)
    output = console(stderr=stderr, width_of_pipes=width_of_pipes)
    if not output.is_terminal:
        output = console(stderr=stderr, width_of_pipes=max(width_of_pipes, word_width(table)))
    for padding in PADDINGS:
        table.padding = padding
        if fits(table, output.width):
            output.print(table)
            return
    for heading, values in records(table):
        print_wrapped(output, f"[bold]{heading}[/]", indent=2)
        length = max((len(name) for name, _ in values), default=0)
        for name, value in values:
            print_wrapped(output, f"  [dim]{name:{length}}[/]  {value}", indent=length + 4)


def new_table(*columns: str) -> Table:
    """Return an empty table for ``print_table``."""
    return Table(*columns, box=SIMPLE_HEAD, pad_edge=False)


def headline(metrics: "Metrics") -> str:
    """Return the first score of a split; its name is omitted if it is the accuracy."""
    name, value = metrics.headline
    return f"{value:.4f}" if name == "accuracy" else f"{name} {value:.4f}"
