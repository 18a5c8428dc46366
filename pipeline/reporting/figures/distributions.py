"""Charts of distributions: residuals and weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.artifacts.report import ResidualGroup, Residuals, Weights
from pipeline.reporting.figures.style import BLUE, GREEN, INK, ORANGE, QUIET, chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLORS = (BLUE, ORANGE, GREEN, INK, QUIET)
_DASHES = ("-", "--", "-.", ":")


def histogram_chart(residuals: Residuals) -> str:
    """Return the histogram of residuals."""

    def draw(axes: "Axes") -> None:
        axes.stairs(residuals.counts, residuals.edges, fill=True, color=BLUE, alpha=0.75)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set(xlabel="answer minus label", ylabel="images")

    return chart("residuals", "Histogram of the residuals on the test set.", draw)


def groups_chart(groups: Sequence[ResidualGroup], names: Sequence[str]) -> str:
    """Return boxes of the residuals by label: quartiles, and whiskers at 5 and 95 %."""

    def draw(axes: "Axes") -> None:
        low, first, middle, third, high = zip(*(g.quantiles for g in groups), strict=True)
        places = range(len(groups))
        axes.axhline(0, color=INK, linewidth=1)
        axes.vlines(places, low, high, color=BLUE, linewidth=1.4)
        heights = [b - a for a, b in zip(first, third, strict=True)]
        axes.bar(places, heights, bottom=first, width=0.6, color=BLUE, alpha=0.35)
        axes.hlines(middle, [p - 0.3 for p in places], [p + 0.3 for p in places], color=BLUE)
        axes.set_xticks(list(places), names)
        axes.grid(visible=False, axis="x")
        axes.set(xlabel="label", ylabel="answer minus label")

    text = "Residuals by label: median, quartiles, and the range from 5 to 95 percent."
    return chart("residual-groups", text, draw)


def weights_chart(weights: Sequence[Weights]) -> str:
    """Return the density of the weights of each layer on a logarithmic axis."""

    def draw(axes: "Axes") -> None:
        for number, layer in enumerate(weights):
            total = sum(layer.counts)
            width = layer.edges[1] - layer.edges[0]
            heights = [count / total / width for count in layer.counts]
            axes.stairs(
                heights,
                layer.edges,
                color=_COLORS[number % len(_COLORS)],
                linestyle=_DASHES[number % len(_DASHES)],
                linewidth=1.5,
                label=layer.layer if len(weights) <= len(_COLORS) else None,
            )
        axes.set_yscale("log")
        axes.set(xlabel="weight", ylabel="density")
        if len(weights) <= len(_COLORS):
            axes.legend(loc="upper right")

    return chart("weights", "Distribution of the weights of each layer.", draw)
