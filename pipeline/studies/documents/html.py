"""Tables and texts in HTML, with everything from the study escaped."""

from html import escape

from pipeline.studies.documents.tables import Cell, Column, Table


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def table(content: Table, name: str, *, caption: str, first: Column | None = None) -> str:
    """Return a table in a box that scrolls; ``first`` is a column that a script fills.

    A script makes it sortable: cells have the number to sort by. The best row is marked.
    """
    empty = '<td class="pick needs-script"></td>' if first else ""
    head = f'<th scope="col" class="needs-script">{escape(first.title)}</th>' if first else ""
    head += "".join(map(_heading, content.columns))
    rows = "\n".join(
        f"<tr{_class('best' if number == content.best else '')}>{empty}"
        f"{''.join(map(_cell, row, content.columns))}</tr>"
        for number, row in enumerate(content.rows)
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table id="{name}" class="sortable">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def small_table(content: Table) -> str:
    """Return a table that is not to be sorted."""
    head = "".join(map(_heading, content.columns))
    rows = "".join(f"<tr>{''.join(map(_cell, row, content.columns))}</tr>" for row in content.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _heading(column: Column) -> str:
    return f'<th scope="col"{_class("number" * column.is_number)}>{_breakable(column.title)}</th>'


def _breakable(key: str) -> str:
    """Return the title of a column, which may be broken in a key."""
    return escape(key).replace(".", ".<wbr>").replace("_", "_<wbr>")


def _cell(cell: Cell, column: Column) -> str:
    number = "" if cell.number is None else f' data-number="{cell.number:.7g}"'
    return f"<td{_class('number' * column.is_number)}{number}>{escape(cell.text)}</td>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
