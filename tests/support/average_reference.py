"""A slow definition of averages: move every pixel, compute every network, add up."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def moved(image: npt.NDArray[np.uint8], down: int, right: int) -> npt.NDArray[np.uint8]:
    """Return an image (height, width, channels) that is moved; the edge is repeated."""
    height, width, _ = image.shape
    result = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            source_y = min(max(y - down, 0), height - 1)
            source_x = min(max(x - right, 0), width - 1)
            result[y, x] = image[source_y, source_x]
    return result


def five(image: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
    """Return an image, and the same moved by one pixel up, down, left and right."""
    return [moved(image, *by) for by in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))]


def mean_output(
    networks: Sequence[keras.Model], images: npt.NDArray[np.uint8], output: str, *, shifts: bool
) -> Values:
    """Return the mean output of ReLU networks (n, units), computed in float64 one by one."""
    rows = []
    for image in images:
        seen = five(image) if shifts else [image]
        outputs = [_output(network, one, output) for network in networks for one in seen]
        rows.append(sum(outputs) / len(outputs))
    return np.array(rows)


def _output(network: keras.Model, image: npt.NDArray[np.uint8], output: str) -> Values:
    x = image.ravel() / 255
    *hidden, last = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    for layer in hidden:
        x = np.maximum(_layer(layer, x), 0)
    z = _layer(last, x)
    functions: dict[str, Callable[[], Values]] = {
        "softmax": lambda: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
        "sigmoid": lambda: 1 / (1 + np.exp(-z)),
        "tanh": lambda: (1 + np.tanh(z)) / 2,
        "linear": lambda: z,
        "relu": lambda: np.maximum(z, 0),
    }
    return np.asarray(functions[output]())


def _layer(layer: keras.layers.Dense, x: Values) -> Values:
    kernel, bias = (w.astype(np.float64) for w in layer.get_weights())
    return np.asarray(x @ kernel + bias)
