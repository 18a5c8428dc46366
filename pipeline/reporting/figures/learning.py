"""Learning curves."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.artifacts.report import Epoch
from pipeline.reporting.figures.style import BLUE, GREEN, ORANGE, chart, percent, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MANY = 30  # epochs, whose markers would touch


def logs_chart(epochs: Sequence[Epoch], name: str, title: str, *, is_share: bool) -> str:
    """Return the curves of one value, on the training and the validation set."""
    across = [epoch.epoch for epoch in epochs]

    def draw(axes: "Axes") -> None:
        marker = "o" if len(across) < _MANY else ""
        for key, label, color, dashes in (
            (name, "training", ORANGE, "--"),
            (f"val_{name}", "validation", BLUE, "-"),
        ):
            values = [epoch.logs.get(key, math.nan) for epoch in epochs]
            if not all(map(math.isnan, values)):
                axes.plot(
                    across, values, dashes, color=color, label=label, marker=marker, markersize=3.5
                )
        axes.set_xlabel("epoch")
        axes.legend(loc="best")
        whole_numbers(axes)
        if is_share:
            percent(axes)
        else:
            axes.set_ylim(bottom=0)

    text = f"{title} on the training and the validation set after each of {len(across)} epochs."
    return chart(f"learning-{name}", text, draw)


def rate_chart(epochs: Sequence[Epoch]) -> str:
    """Return the learning rate at the start of each epoch."""

    def draw(axes: "Axes") -> None:
        rates = [epoch.learning_rate or 0.0 for epoch in epochs]
        axes.step([epoch.epoch for epoch in epochs], rates, color=GREEN, where="mid")
        axes.set_xlabel("epoch")
        axes.set_ylim(bottom=0)
        whole_numbers(axes)

    return chart("learning-rate", "The learning rate at the start of each epoch.", draw)
