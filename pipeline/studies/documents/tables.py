"""Tables of texts, with the numbers that they are sorted by, for every kind of document."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A text; ``number`` is the number that it stands for, if any."""

    text: str
    number: float | None = None


@dataclass(frozen=True)
class Column:
    """The title of a column, and whether its cells are numbers."""

    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells, one for each column; ``best`` is the index of the row to emphasize."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    best: int | None = None


def text_columns(*titles: str) -> list[Column]:
    """Return columns of text."""
    return [Column(title) for title in titles]


def number_columns(*titles: str) -> list[Column]:
    """Return columns of numbers."""
    return [Column(title, is_number=True) for title in titles]
