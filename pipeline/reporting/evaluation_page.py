"""The page of ``pipeline evaluate``."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from pipeline.pages.assembling import assembled_page
from pipeline.reporting.html import paragraph, section, table
from pipeline.reporting.pictures import Pixels, data_uri

Matrix = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Shown:
    """A picture on the page: the image that the model saw (if any), its name, and two lines."""

    image: Pixels | None
    name: str
    text: str
    note: str


@dataclass(frozen=True)
class EvaluationPage:
    """What the page shows; ``worst`` are the pictures to look at first.

    ``warned`` are names, labels, answers and reasons of pictures with a warning, at most some of
    those that ``reasons`` counts.
    """

    model: str
    source: str
    sentence: str
    tiles: Sequence[tuple[str, str]]
    class_names: Sequence[str]
    confusion: Matrix
    reasons: Sequence[tuple[str, int]]
    warned: Sequence[tuple[str, str, str, str]]
    worst_title: str
    worst: Sequence[Shown]
    unreadable: Sequence[tuple[str, str]]

    def html(self) -> str:
        """Return the page. It needs no other file, runs no script and sends no requests."""
        sections = [self._worst(), self._confusion(), self._reasons(), self._unreadable()]
        parts = {
            "model": escape(self.model),
            "source": escape(self.source),
            "sentence": escape(self.sentence),
            "tiles": _tiles(self.tiles),
            "sections": "\n".join(filter(None, sections)),
        }
        return assembled_page("evaluation", parts, pictures=True)

    def _worst(self) -> str:
        if not self.worst:
            return section("worst", self.worst_title, paragraph("There are none."))
        items = "".join(f"<li>{_figure(one)}</li>" for one in self.worst)
        return section(
            "worst",
            self.worst_title,
            paragraph(
                "The images as the model saw them. Under each: its label, the answer, and how "
                "probable the model found it."
            ),
            f'<ol class="mistakes pictures">{items}</ol>',
        )

    def _confusion(self) -> str:
        if not any(map(any, self.confusion)):
            return ""
        names = [escape(name) for name in self.class_names]
        return section(
            "confusion",
            "Confusion matrix",
            paragraph("Pictures by their label (rows) and the answer of the model (columns)."),
            _matrix(names, self.confusion),
        )

    def _reasons(self) -> str:
        if not self.reasons:
            return ""
        rows = [[escape(reason), f"{count:,}"] for reason, count in self.reasons]
        counts = table("Warnings", ["reason", "pictures"], rows)
        heads = ["picture", "label", "answer", "reason"]
        rows = [[*map(escape, warned)] for warned in self.warned]
        listed = table("Pictures with a warning", heads, rows, texts=4)
        hidden = sum(count for _, count in self.reasons) - len(self.warned)
        more = paragraph(f"And {hidden:,} more; --json has all of them.") if hidden else ""
        return section("reasons", "Warnings", counts, listed, more)

    def _unreadable(self) -> str:
        if not self.unreadable:
            return ""
        rows = [[escape(name), escape(reason)] for name, reason in self.unreadable]
        listed = table("Unreadable files", ["file", "reason"], rows, texts=2)
        return section("unreadable", "Files that cannot be read", listed)


def _tiles(tiles: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<div><dt>{escape(t)}</dt><dd>{escape(v)}</dd></div>" for t, v in tiles)
    return f'<dl class="tiles">{cells}</dl>'


def _figure(one: Shown) -> str:
    text = escape(f"{one.name}: {one.text}")
    image = ""
    if one.image is not None:
        image = f'<img class="picture" src="{data_uri(one.image)}" alt="{text}">'
    name, label, note = escape(one.name), escape(one.text), escape(one.note)
    return f'{image}<span title="{name}">{label}</span><small>{note}</small>'


def _matrix(names: Sequence[str], counts: Matrix) -> str:
    wrong = [n for i, row in enumerate(counts) for j, n in enumerate(row) if i != j]
    most = max([1, *wrong])
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(_cell(n, right=i == j, level=n / most) for j, n in enumerate(row))
        + "</tr>"
        for i, (name, row) in enumerate(zip(names, counts, strict=True))
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Counts by label and answer">'
        '<table class="matrix"><caption class="unseen">Confusion matrix: rows are labels, columns '
        f'are answers</caption><thead><tr><td><span class="unseen">label</span></td>{head}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(count: int, *, right: bool, level: float) -> str:
    if not count:
        return '<td class="none">·</td>'
    if right:
        return f'<td class="right">{count:,}</td>'
    # The root makes single mistakes visible beside the most frequent one.
    return f'<td class="wrong" style="--level:{round(100 * level**0.5)}%">{count:,}</td>'
