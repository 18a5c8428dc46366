"""Charts of learning curves in the terminal: dots for the training set, marks for validation.

The two differ in shape, so that charts can be read without colors.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.text import Text

from pipeline.errors import MissingExtra

if TYPE_CHECKING:
    from pipeline.live.curve import Point

MARK = "×"  # noqa: RUF001  (a mark, not a letter)
TRAIN_STYLE, VALIDATION_STYLE = "cyan", "bold yellow"
_LABEL_WIDTH = 8
_WIDE = 48  # columns
_FRAME_LINES = 2  # the title, and the labels of the epochs


def chart(
    name: str,
    train: "list[Point]",
    validation: "list[Point]",
    *,
    latest: float,
    epochs: int,
    width: int,
    height: int,
) -> Text:
    """Return a chart of ``width`` columns and ``height`` lines, with epochs from 0 to ``epochs``.

    Its title has the ``latest`` value on the training set, and that of ``validation``.

    Raises:
        MissingExtra: the extra ``train`` is not installed.
    """
    try:
        from plotille import Canvas
    except ModuleNotFoundError as error:
        raise MissingExtra("Drawing charts in the terminal", "train") from error
    rows, columns = height - _FRAME_LINES, width - _LABEL_WIDTH - 1
    values = [point.value for point in (*train, *validation)]
    low, high = _limits(values)
    right = epochs * (1 + 1 / columns)  # the last epoch is inside
    canvas = Canvas(columns, rows, 0, low, right, high)
    for (x, y), (next_x, next_y) in pairwise(train):
        canvas.line(x, y, next_x, next_y)
    if len(train) == 1:
        canvas.point(*train[0])
    for x, y in validation:
        canvas.point(x, y, marker=MARK)
    labels = [f"{max(values):.4g}", *[""] * (rows - 2), f"{min(values):.4g}"]
    lines = [_title(name, latest, validation, "validation" if width >= _WIDE else "val")]
    for label, drawn in zip(labels, canvas.plot("\n").split("\n"), strict=True):
        lines.append(Text.assemble((f"{label:>{_LABEL_WIDTH}}│", "dim"), _colored(drawn)))
    last = f"epoch {epochs}"
    axis = f"0{last:>{columns - 1}}"
    lines.append(Text(f"{'':{_LABEL_WIDTH}} {axis}", "dim"))
    for line in lines:
        line.truncate(width, pad=True)
    return Text("\n").join(lines)


def _title(name: str, latest: float, validation: "list[Point]", of: str) -> Text:
    title = Text.assemble((name, "bold"), (f"  ⠒ train {latest:.4f}", TRAIN_STYLE))
    if validation:
        title.append(f"  {MARK} {of} {validation[-1].value:.4f}", VALIDATION_STYLE)
    return title


def _colored(drawn: str) -> Text:
    text = Text(drawn, TRAIN_STYLE)
    text.highlight_words([MARK], VALIDATION_STYLE)
    return text


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Return limits with room for a mark above and below the values."""
    low, high = min(values), max(values)
    margin = (high - low) / 20 or max(abs(high), 1e-6) / 20
    return low - margin, high + margin
