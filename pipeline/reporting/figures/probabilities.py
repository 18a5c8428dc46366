"""Charts of probabilities: reliability, coverage, and the curves of binary classifiers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.artifacts.report import Bin, Calibration, Coverage, Curve
from pipeline.reporting.figures.style import BLUE, ORANGE, QUIET, chart, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def reliability_chart(calibration: Calibration) -> str:
    """Return the accuracy by confidence; areas are proportional to the number of images."""
    most = max(found.images for found in calibration.bins)

    def draw_bins(axes: "Axes", bins: Sequence[Bin], color: str, label: str, marker: str) -> None:
        x, y = [b.confidence for b in bins], [b.accuracy for b in bins]
        axes.plot(x, y, color=color, linewidth=1.3, label=label, marker=marker, markersize=4)
        sizes = [600 * b.images / most for b in bins]
        axes.scatter(x, y, s=sizes, color=color, alpha=0.16, linewidths=0, clip_on=False)

    def draw(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], ":", color=QUIET, linewidth=1.2, label="perfect")
        draw_bins(axes, calibration.bins, BLUE, "as trained", "o")
        draw_bins(axes, calibration.scaled_bins, ORANGE, "after temperature scaling", "s")
        start = min(b.confidence for b in (*calibration.bins, *calibration.scaled_bins))
        axes.set(xlabel="confidence", ylabel="accuracy", xlim=(start - 0.03, 1.03), ylim=(0, 1.03))
        axes.legend(loc="lower right")
        percent(axes, across=True)

    text = "Accuracy by confidence in bins, as trained and after temperature scaling."
    return chart("reliability", text, draw, height=3.6)


def coverage_chart(points: Sequence[Coverage]) -> str:
    """Return the accuracy on the most confident images, by their share."""

    def draw(axes: "Axes") -> None:
        x, y = [p.coverage for p in points], [p.accuracy for p in points]
        axes.plot(x, y, color=BLUE, marker="o", markersize=3.5)
        axes.set(xlabel="share of images answered", ylabel="accuracy", xlim=(0, 1.03))
        percent(axes, across=True)

    text = "Accuracy on the answered images, by the share of images that are answered."
    return chart("coverage", text, draw, height=3.6)


def curve_chart(name: str, description: str, curve: Curve, across: str, up: str) -> str:
    """Return an ROC or precision-recall curve."""

    def draw(axes: "Axes") -> None:
        if name == "roc":
            axes.plot([0, 1], [0, 1], ":", color=QUIET, linewidth=1.2, label="chance")
            axes.legend(loc="lower right")
        axes.plot(curve.x, curve.y, color=BLUE)
        axes.set(xlabel=across, ylabel=up, xlim=(-0.02, 1.02), ylim=(0, 1.03))
        percent(axes, across=True)

    return chart(name, description, draw, height=3.6)
