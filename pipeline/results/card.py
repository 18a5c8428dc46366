"""The result of a run as HTML, which notebooks show."""

from collections.abc import Sequence
from html import escape

from pipeline.artifacts.report import Epoch
from pipeline.engine.stage import load
from pipeline.errors import MissingExtra
from pipeline.pages.assembling import assembled_page
from pipeline.reporting.figures.learning import logs_chart
from pipeline.reporting.figures.style import VARIABLES
from pipeline.reporting.subject import title

_CURVES = 2  # the loss and the first metric


def result_card(
    name: str, *, score: str, warning: str, epochs: Sequence[Epoch], notes: Sequence[str]
) -> str:
    """Return a result as one element with its own style.

    It follows the color scheme of JupyterLab, VS Code, Colab or the documentation, elsewhere that
    of the system. All texts are plain; those that are empty are left out.
    """
    parts = [
        f"<h4>{escape(name)}</h4>",
        f'<p class="score">{escape(score)}</p>' if score else "",
        f'<p class="warning">{escape(warning)}</p>' if warning else "",
        _curves(epochs) if epochs else "",
        *(f"<p>{escape(note)}</p>" for note in notes),
    ]
    return assembled_page("result", {"content": "\n".join(filter(None, parts))})


def _curves(epochs: Sequence[Epoch]) -> str:
    """Return the learning curves side by side; nothing without matplotlib."""
    try:
        load("matplotlib")
    except MissingExtra:
        return ""
    names = [name for name in epochs[0].logs if not name.startswith("val_")][:_CURVES]
    return f'<div class="curves">{"".join(_curve(epochs, name) for name in names)}</div>'


def _curve(epochs: Sequence[Epoch], name: str) -> str:
    label = title(name)[0].upper() + title(name)[1:]
    drawn = logs_chart(epochs, name, title(name), is_share=name == "accuracy")
    svg = " ".join(drawn.split())  # a notebook's file has each line in quotes
    for color, variable in VARIABLES.items():  # where a viewer removes the style
        svg = svg.replace(f"var({variable})", f"var({variable}, {color})")
    return f"<figure><figcaption>{label}</figcaption>{svg}</figure>"
