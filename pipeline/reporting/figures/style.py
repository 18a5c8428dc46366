"""The style of all charts, and SVG that belongs into an HTML page."""

import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Wong (2011), "Points of view: Color blindness", Nature Methods 8, darker for lines on white; the
# page has the lighter ones for dark mode under the same names.
BLUE, ORANGE, GREEN = "#0072b2", "#c44e00", "#00513a"
INK, QUIET, RULE = "#1d1e22", "#5d5f68", "#d9d5ca"
VARIABLES = {
    BLUE: "--line-1",
    ORANGE: "--line-2",
    GREEN: "--line-3",
    INK: "--ink",
    QUIET: "--quiet",
    RULE: "--line",
}
_UNWANTED = r"<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</defs>"
_WIDTH, _HEIGHT = 5.0, 3.0  # inches of 72 units: as wide as a phone, so that text keeps its size
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "axes.labelsize": 10.5,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.9,
    "lines.solid_capstyle": "round",
}


def chart(
    name: str, description: str, draw: Callable[["Axes"], object], *, height: float = _HEIGHT
) -> str:
    """Return what ``draw`` adds to the axes of a new figure as SVG, with a text alternative.

    ``name`` is unique in a page. The same drawing gives the same bytes.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: Any = {**_SETTINGS, "svg.hashsalt": name}  # the stubs list all keys
    with rc_context(settings):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    return _inline(file.getvalue(), name, description)


def _inline(svg: str, name: str, description: str) -> str:
    """Return the element ``svg`` with unique ids and colors of the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(_UNWANTED, "", svg, flags=re.S)
    [size] = re.findall(r'viewBox="[^"]*"', svg)
    svg = re.sub(r"<svg[^>]*>", f'<svg {size} role="img" aria-label="{escape(description)}">', svg)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"(font: [\d.]+px)[^;\"]*", r"\g<1> sans-serif", svg)
    svg = re.sub(r"font: ([\d.]+)px sans-serif", r"font-size: \1px", svg)
    svg = re.sub(r" font-family: [^;\"]*;", "", svg)  # as matplotlib 3.11 writes it
    for color, variable in VARIABLES.items():
        svg = svg.replace(color, f"var({variable})")
    return re.sub(r"\n\s*", "\n", svg.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', ""))


def whole_numbers(axes: "Axes") -> None:
    """Put ticks of the horizontal axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def percent(axes: "Axes", *, across: bool = False) -> None:
    """Show shares as percentages on the vertical axis, or on both."""
    from matplotlib.ticker import PercentFormatter

    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    if across:
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
