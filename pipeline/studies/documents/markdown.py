"""Tables and texts in Markdown (GitHub's flavor), with everything from the study escaped."""

import re
from collections.abc import Iterable

from pipeline.studies.documents.tables import Cell, Table

_MARKUP = re.compile(r"[\\`*\[\]<>|~&$]|(?<!\w)_|_(?!\w)")


def escaped(text: str) -> str:
    """Return text on one line that is shown as it is."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def table_lines(table: Table) -> list[str]:
    """Return the lines of a table; the best row is bold."""
    titles = (escaped(column.title) for column in table.columns)
    rules = ("---:" if column.is_number else "---" for column in table.columns)
    rows = (_row(row, is_best=number == table.best) for number, row in enumerate(table.rows))
    return [_line(titles), _line(rules), *rows, ""]


def code_block(text: str) -> list[str]:
    """Return text as a block of code, in a fence that the text does not contain."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, text, fence, ""]


def _row(row: tuple[Cell, ...], *, is_best: bool) -> str:
    shown = (escaped(cell.text) for cell in row)
    return _line(f"**{text}**" if is_best and text else text for text in shown)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
