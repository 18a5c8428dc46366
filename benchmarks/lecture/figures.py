"""The figures of docs/lecture.md as SVG files in docs/figures/."""

import numpy as np

from benchmarks.lecture.charts import Axis, Chart, Series
from benchmarks.lecture.linear_layers import product
from benchmarks.lecture.runs import Trained, trained
from benchmarks.lecture.svg import drawing, signed_image, text

_IMAGES_A_ROW, _MARGIN, _GAP, _SIZE = 5, 14, 8, 84


def weights_figure(name: str, title: str) -> str:
    """Draw each column of a linear network's W as an image of 28 x 28 pixels."""
    weights = product(trained(name).model).weights
    largest = float(np.quantile(np.abs(weights), 0.995))
    parts = [text(_MARGIN, 23, title, "strong")]
    for digit in range(weights.shape[1]):
        row, column = divmod(digit, _IMAGES_A_ROW)
        x, y = _MARGIN + column * (_SIZE + _GAP), 34 + row * (_SIZE + 26)
        parts += [
            signed_image(x, y, _SIZE, weights[:, digit].reshape(28, 28), largest),
            text(x + _SIZE / 2, y + _SIZE + 15, str(digit), "small muted", anchor="middle"),
        ]
    width = 2 * _MARGIN + _IMAGES_A_ROW * (_SIZE + _GAP) - _GAP
    return drawing(width, 34 + 2 * (_SIZE + 26), parts, title=title)


def batch_size_figure() -> str:
    """Plot the loss over the images seen, for batches of one, 32 and all images."""
    title = "Mean training loss in each epoch, by batch size"
    names = {"sgd": "1 (SGD)", "mini_batch": "32", "full_gradient": "all"}
    series = [Series(names[n], _losses(trained(n)), k) for k, n in enumerate(names)]
    x = Axis("epochs", [1, 3, 10, 30, 100], logarithmic=True)
    y = Axis("loss", [0.03, 0.1, 0.3, 1, 3], logarithmic=True)
    return Chart(title, x, y, series, right=70).draw()


def optimizers_figure() -> str:
    """Plot the loss of each optimizer after each epoch."""
    title = "Mean training loss in each epoch, by optimizer"
    names = {
        "mini_batch": "SGD",
        "momentum": "momentum",
        "nesterov": "Nesterov",
        "adagrad": "AdaGrad",
        "rmsprop": "RMSprop",
        "adam": "Adam",
    }
    series = [Series(names[n], _losses(trained(n)), k) for k, n in enumerate(names)]
    x, y = Axis("epochs", [1, 2, 3, 4, 5]), Axis("loss", [0.03, 0.1, 0.3], logarithmic=True)
    return Chart(title, x, y, series).draw()


def _losses(run: Trained) -> list[tuple[float, float]]:
    return [(epoch, logs["loss"]) for epoch, logs in enumerate(run.history, 1)]
