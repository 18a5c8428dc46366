"""The figure of how accuracies develop while softmax classifiers are trained in different ways."""

import json
from typing import Any

from benchmarks.lecture.charts import Axis, Chart, Series
from benchmarks.lecture.svg import circle, text
from benchmarks.machine import RESULTS

_SHOWN = ("reference", "full gradient", "3,000 images", "pixels 0 to 255")
_TICKS = range(76, 97, 4)


def softmax_figure() -> str:
    """Plot the test accuracy over the training accuracy, with the slides' pair."""
    found = json.loads((RESULTS / "lecture_softmax.json").read_text())
    shown = [one for name in _SHOWN for one in found["variants"] if one["name"] == name]
    series = [Series(one["name"], _path(one), k) for k, one in enumerate(shown)]
    series.append(Series("train = test", [(_TICKS[0], _TICKS[0]), (94, 94)], 7, dashed=True))
    chart = Chart(
        "Accuracy of softmax classifiers during training, in percent",
        Axis("on the training images", _TICKS),
        Axis("on the test images", _TICKS),
        series,
    )
    x, y = chart.at(*found["slides"])
    return chart.draw([circle(x, y, 5, "c4"), text(x + 9, y + 12, "the slides", "small c4")])


def _path(variant: dict[str, Any]) -> list[tuple[float, float]]:
    points = [(train, test) for _, train, test in variant["path"]]
    return [point for point in points if min(point) >= _TICKS[0]]
