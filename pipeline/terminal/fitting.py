"""Fit a table into a terminal without breaking a word: narrower columns, or a list of records."""

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

_WORD = re.compile(r"^\s*\S+|\S+")  # the first one with its indentation
_UNLIMITED = 100_000  # columns
PADDINGS = ((0, 1, 0, 1), (0, 1, 0, 0), (0, 0, 0, 0))  # three spaces between columns, two, one


def fits(table: Table, width: int) -> bool:
    """Set the width of each column so that the table has ``width`` columns; tell if it can.

    Rich itself narrows the widest columns first, in mid-word if need be.
    """
    natural, words = _natural_widths(table), _longest_words(table)
    room = width - _overhead(table, natural)
    if sum(natural) <= room:
        return True
    if sum(words) > room:
        return False
    for column, chosen in zip(table.columns, _shares(words, natural, room), strict=True):
        column.width = chosen
        column.overflow = "fold"
    return True


def drop_empty_columns(table: Table) -> None:
    """Remove the columns in which no row has a value, such as that of advice if all is well."""
    table.columns = [column for column in table.columns if any(map(str, column.cells))]
    for index, column in enumerate(table.columns):
        column._index = index  # Rich pads the first and the last column by it


def word_width(table: Table) -> int:
    """Return the smallest width in which no word is broken."""
    return sum(_longest_words(table)) + _overhead(table, _natural_widths(table))


def records(table: Table) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each row as a heading and the named values below it, without empty cells.

    The heading is the first column, with those after it that have no name either.
    """
    headers = [str(column.header).replace("\n", "") for column in table.columns]
    num_unnamed = next((i for i, name in enumerate(headers) if name), len(headers))
    num_leading = max(1, num_unnamed)
    for row in zip(*(list(column.cells) for column in table.columns), strict=True):
        cells = [str(cell) for cell in row]
        named = zip(headers[num_leading:], cells[num_leading:], strict=True)
        yield (
            " ".join(filter(None, cells[:num_leading])),
            [(name, cell) for name, cell in named if cell.strip("-")],
        )


def _shares(words: Sequence[int], natural: Sequence[int], room: int) -> list[int]:
    """Return widths between the two, which fill the room: columns grow one by one in turn."""
    widths = list(words)
    while sum(widths) < room:
        index = min(
            (i for i, width in enumerate(widths) if width < natural[i]), key=lambda i: widths[i]
        )
        widths[index] += 1
    return widths


def _overhead(table: Table, natural: Sequence[int]) -> int:
    """Return the columns between and beside the cells."""
    wide = Console(width=_UNLIMITED)
    return Measurement.get(wide, wide.options, table).maximum - sum(natural)


def _natural_widths(table: Table) -> list[int]:
    return [max(cell_len(line) for line in _lines(column)) for column in table.columns]


def _longest_words(table: Table) -> list[int]:
    """Return the width of the longest word of each column; a column may ask not to be wrapped."""
    natural = _natural_widths(table)
    longest = (
        max(cell_len(word) for line in _lines(column) for word in _WORD.findall(line) or [""])
        for column in table.columns
    )
    pairs = zip(table.columns, natural, longest, strict=True)
    return [whole if column.no_wrap else word for column, whole, word in pairs]


def _lines(column: Column) -> list[str]:
    cells = [column.header, *column.cells]
    plain = (
        cell.plain if isinstance(cell, Text) else Text.from_markup(str(cell)).plain
        for cell in cells
    )
    return [line for text in plain for line in text.splitlines() or [""]]
