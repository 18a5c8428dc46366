"""The figure of the predictions of binary classification and regression on the test images."""

import numpy as np

from benchmarks.lecture.charts import Axis, Chart, Series
from benchmarks.lecture.runs import Trained, trained
from benchmarks.lecture.svg import box, line
from pipeline.textbook.activations import Array

_BINS = 20


def probability_figure() -> str:
    """Plot how often each probability of an odd digit is predicted, for even and odd digits."""
    run = trained("binary_sigmoid")
    predictions, labels = _test_set(run)
    series = [
        Series(name, _histogram(predictions[labels == label]), label)
        for label, name in enumerate(("even digits", "odd digits"))
    ]
    x = Axis("predicted probability of an odd digit", [0, 0.2, 0.4, 0.6, 0.8, 1])
    y = Axis("images", [1, 10, 100, 1_000, 10_000], logarithmic=True)
    return Chart("Binary classification: f(x) = sigmoid(z)", x, y, series, right=90).draw()


def value_figure() -> str:
    """Draw the predicted numbers for each digit: median, quarters, and 5 to 95 percent."""
    predictions, labels = _test_set(trained("regression_linear"))
    x, y = Axis("digit", list(range(10))), Axis("prediction", list(range(-1, 11)))
    chart = Chart("Regression: f(x) = z", x, y, [], right=30)
    marks = []
    for digit in range(10):
        low, first, median, third, high = (
            chart.at(digit, value)
            for value in np.quantile(predictions[labels == digit], (0.05, 0.25, 0.5, 0.75, 0.95))
        )
        marks += [
            line(*low, *high, "c0"),
            box(first[0] - 7, third[1], 14, max(first[1] - third[1], 1), "c0"),
            line(median[0] - 10, median[1], median[0] + 10, median[1], "c1"),
        ]
    return chart.draw(marks)


def _test_set(run: Trained) -> tuple[Array, Array]:
    labels = np.load(run.data / "test_labels.npy")
    return np.load(run.test_predictions)[:, 0].astype(np.float64), labels


def _histogram(values: Array) -> list[tuple[float, float]]:
    counts, edges = np.histogram(values, _BINS, (0, 1))
    middles = (edges[1:] + edges[:-1]) / 2
    return [(float(x), max(float(y), 1)) for x, y in zip(middles, counts, strict=True)]
