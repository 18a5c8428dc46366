"""Why a dense ReLU network prefers a class: the evidence of each pixel.

Around an image x, such a network is linear: as long as the same units are active, the difference of
two logits is exactly a(x)·x + c(x) (Montufar et al., 2014, "On the Number of Linear Regions of Deep
Neural Networks"). The evidence of a pixel is its product a_i x_i, "input times gradient"
(Shrikumar et al., 2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.runtimes.onnx_layers import DenseLayer

Exact = npt.NDArray[np.float64]
_LINEAR_PIECES = ("relu", "linear")


@dataclass(frozen=True)
class Evidence:
    """The difference of the logits of two classes, as a sum over pixels.

    ``classes`` are the likeliest and the second likeliest, ``logits`` theirs; a network with one
    output has one logit z, which is compared with 0. ``slopes`` and ``pixels`` are float64 of the
    image's shape, and ``pixels.sum() + constant`` is the difference.
    """

    classes: tuple[int, ...]
    logits: tuple[float, ...]
    slopes: Exact
    pixels: Exact
    constant: float

    @property
    def difference(self) -> float:
        """The first logit minus the second."""
        first, second = self.logits if len(self.logits) > 1 else (*self.logits, 0.0)
        return first - second


def other_activation(layers: Sequence[DenseLayer]) -> str | None:
    """Return an activation between the layers that is not ReLU; None if there is none."""
    return next((a for each in layers[:-1] if (a := each.activation) not in _LINEAR_PIECES), None)


def evidence(layers: Sequence[DenseLayer], image: npt.NDArray[np.uint8]) -> Evidence:
    """Return the evidence of the pixels of an image, uint8 (height, width, channels).

    Computed in float64. The activations between the layers must be ReLU or linear; that of the last
    layer is the output of the task, which the logits do not have.
    """
    values, active = image.ravel().astype(np.float64), []
    for layer in layers:
        values = values @ layer.kernel.astype(np.float64) + layer.bias
        is_cut = layer.activation == "relu" and layer is not layers[-1]
        active.append(values > 0 if is_cut else np.ones(len(values), bool))
        values = values * active[-1]
    classes = tuple(int(index) for index in np.argsort(-values, kind="stable")[:2])
    slopes, constant = _linear_piece(layers, active, _contrast(classes, len(values)))
    slopes = slopes.reshape(image.shape)
    pixels = slopes * image + 0.0  # without negative zeros
    return Evidence(classes, tuple(float(values[i]) for i in classes), slopes, pixels, constant)


def _contrast(classes: tuple[int, ...], units: int) -> Exact:
    """Return the weights of the logits in the difference: 1 of the first, -1 of the second."""
    contrast = np.zeros(units)
    contrast[list(classes)] = (1, -1)[: len(classes)]
    return contrast


def _linear_piece(
    layers: Sequence[DenseLayer], active: Sequence[npt.NDArray[np.bool_]], contrast: Exact
) -> tuple[Exact, float]:
    """Return a(x), (inputs,), and c(x), from the last layer to the first."""
    slopes, constant = contrast, 0.0
    for layer, units in zip(layers[::-1], active[::-1], strict=True):
        slopes = slopes * units
        constant += float(slopes @ layer.bias)
        slopes = layer.kernel.astype(np.float64) @ slopes
    return slopes, constant
