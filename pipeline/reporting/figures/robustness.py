"""Charts of the score under changes of the images."""

from typing import TYPE_CHECKING

from pipeline.artifacts.report import STRENGTHS, Robustness
from pipeline.reporting.figures.style import BLUE, QUIET, chart, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def robustness_chart(
    found: Robustness, unchanged: float, baseline: float | None, *, constant: str, score: str
) -> str:
    """Return the score by strength, with that of unchanged images and of a constant prediction."""
    points = sorted([(0.0, unchanged), *zip(found.strengths, found.scores, strict=True)])

    def draw(axes: "Axes") -> None:
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color=BLUE, marker="o", markersize=4)
        if baseline is not None:
            axes.axhline(baseline, linestyle=":", color=QUIET, linewidth=1.2)
            axes.annotate(
                constant, (1, baseline), (0, 3), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", color=QUIET, fontsize=9.5,
            )  # fmt: skip
        axes.set(xlabel=STRENGTHS[found.change], ylabel=score)
        axes.set_xticks(x)
        if score == "accuracy":
            axes.set_ylim(0, 1.03)
            percent(axes)
        else:
            axes.set_ylim(bottom=0)

    text = f"{score} on the test set by the strength of the change: {found.change}."
    return chart(f"robustness-{found.change}", text, draw, height=2.7)
