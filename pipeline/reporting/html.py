"""Building blocks of the page."""

from collections.abc import Iterable, Sequence
from html import escape


def section(name: str, title: str, *parts: str) -> str:
    """Return a section; empty if it has no parts."""
    content = "\n".join(part for part in parts if part)
    if not content:
        return ""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{escape(title)}</h2>\n{content}\n</section>'
    )


def paragraph(html: str) -> str:
    """Return a paragraph of HTML."""
    return f"<p>{html}</p>"


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1
) -> str:
    """Return a table of HTML cells, which scrolls on its own; the first ``texts`` are no numbers.

    The first cell of each row is its header.
    """
    columns = "".join(
        f'<th scope="col"{"" if n < texts else " class=number"}>{text}</th>'
        for n, text in enumerate(head)
    )
    lines = []
    for first, *others in rows:
        cells = "".join(
            f"<td{'' if n < texts else ' class=number'}>{text}</td>"
            for n, text in enumerate(others, start=1)
        )
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table><caption class="unseen">{escape(caption)}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def details(summary: str, *content: str) -> str:
    """Return content that opens on demand."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(content)}</details>"


def figure(title: str, svg: str, text: str, data: str = "") -> str:
    """Return a chart with its title, an explanation, and its numbers as a table."""
    below = details("Numbers", data) if data else ""
    return (
        f"<figure><figcaption><h3>{escape(title)}</h3></figcaption>{svg}"
        f'<p class="note">{text}</p>{below}</figure>'
    )


def grid(*figures: str) -> str:
    """Return figures side by side where there is room."""
    found = [one for one in figures if one]
    return f'<div class="grid">{"".join(found)}</div>' if found else ""
