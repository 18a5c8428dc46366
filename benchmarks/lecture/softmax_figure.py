"""The figure of how far training and test accuracy differ in differently trained classifiers."""

import json
from typing import Any

from benchmarks.lecture.charts import Axis, Chart, Series
from benchmarks.lecture.svg import circle, text
from benchmarks.machine import RESULTS

_LINES = ("reference", "full gradient", "2,000 images")
_DOTS = "pixels 0 to 255"
_STEPS_PER_EPOCH = 469
_TICKS = range(76, 94, 2)


def softmax_figure() -> str:
    """Plot training minus test accuracy over test accuracy, with the slides' pair."""
    found = json.loads((RESULTS / "lecture_softmax.json").read_text())
    variants = {one["name"]: one["path"] for one in found["variants"]}
    series = [Series(name, _points(variants[name]), k) for k, name in enumerate(_LINES)]
    ends = [point for point in variants[_DOTS] if point[0] % _STEPS_PER_EPOCH == 0]
    series.append(Series(_DOTS, _points(ends), 3, dots=True))
    chart = Chart(
        "Softmax classifiers: difference of the two accuracies",
        Axis("test accuracy, percent", _TICKS),
        Axis("training minus test accuracy, percentage points", range(-2, 6)),
        series,
        right=96,
    )
    train, test = found["slides"]
    x, y = chart.at(test, train - test)
    return chart.draw(
        [circle(x, y, 5, "c4"), text(x, y - 10, "slides", "small c4", anchor="middle")]
    )


def _points(path: list[Any]) -> list[tuple[float, float]]:
    return [(test, train - test) for _, train, test in path if test >= _TICKS[0]]
