"""Backpropagation as a textbook writes it, against the definition of the derivative."""

from itertools import pairwise

import numpy as np
import pytest

from pipeline.textbook.activations import ACTIVATIONS, Array
from pipeline.textbook.backpropagation import Network, backward, forward, loss
from pipeline.textbook.finite_differences import Sides, central_differences
from pipeline.textbook.losses import OUTPUT_LOSSES

WIDTHS = (5, 7, 6)
IMAGES = 4


def network(activation: str, output: tuple[str, str], l2: float) -> Network:
    rng = np.random.default_rng(0)
    units = 3 if output[0] == "softmax" else 1
    widths = [*WIDTHS, units]
    weights = [rng.normal(size=shape) for shape in pairwise(widths)]
    biases = [rng.normal(size=units) for units in widths[1:]]
    return Network(weights, biases, ACTIVATIONS[activation], OUTPUT_LOSSES[output], l2)


def batch(output: str) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    targets = {"softmax": [0, 2, 1, 2], "linear": [0.5, -3, 2, 7], "relu": [0.5, 3, 2, 7]}
    return rng.random((IMAGES, WIDTHS[0])), np.array(targets.get(output, [0, 1, 1, 0]), float)


SOFTMAX = ("softmax", "cross_entropy")


@pytest.mark.parametrize(("l2", "dropout"), [(0.0, False), (0.01, True)])
@pytest.mark.parametrize(
    ("activation", "output"),
    [(name, SOFTMAX) for name in ACTIVATIONS]
    + [("gelu", output) for output in OUTPUT_LOSSES if output != SOFTMAX],
)
def test_gradients_agree_with_differences(
    activation: str, output: tuple[str, str], l2: float, dropout: bool
) -> None:
    net = network(activation, output, l2)
    images, targets = batch(output[0])
    keep = np.random.default_rng(2)
    drawn = [2 * keep.integers(0, 2, (IMAGES, w)).astype(np.float64) for w in WIDTHS[1:]]
    masks = drawn if dropout else None

    def current_loss() -> float:
        return loss(net, forward(net, images, masks), targets)

    def sides() -> Sides:
        values = forward(net, images, masks).pre_activations
        hidden = np.concatenate([z.ravel() for z in values[:-1]])
        last = values[-1].ravel()
        return np.concatenate([hidden > 0, last > 0, last > targets if len(last) == 4 else []])

    gradients = backward(net, forward(net, images, masks), targets, masks)
    crossed = 0
    for k, layer in enumerate(gradients):
        for tensor, gradient in ((net.weights[k], layer.weights), (net.biases[k], layer.biases)):
            found = central_differences(tensor, list(range(tensor.size)), current_loss, sides)
            expected = gradient.ravel()[found.indices]
            assert np.linalg.norm(expected - found.values) <= 1e-7 * max(
                1.0, float(np.linalg.norm(expected))
            )
            crossed += found.crossed
    assert crossed == 0, "no weight of this network is at a kink"


def test_differences_across_a_kink_are_left_out() -> None:
    weight = np.array([1e-9, 1.0])
    found = central_differences(
        weight, [0, 1], lambda: float(np.maximum(weight, 0).sum()), lambda: weight > 0
    )
    assert (found.indices, found.crossed) == ([1], 1)
    assert found.values == pytest.approx([1.0])
    assert weight.tolist() == [1e-9, 1.0], "the tensor is restored"


@pytest.mark.parametrize("output", sorted(OUTPUT_LOSSES))
def test_huge_logits_do_not_overflow(output: tuple[str, str]) -> None:
    pair = OUTPUT_LOSSES[output]
    z = np.array([[-1e4, 1e4, 0]] if output[0] == "softmax" else [[1e4]])
    with np.errstate(over="raise", invalid="raise"):
        values = (pair.output(z), pair.loss(z, np.ones(1)), pair.derivative(z, np.ones(1)))
    assert all(np.isfinite(value).all() for value in values)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_slope_and_curvature_are_upper_limits(name: str) -> None:
    activation = ACTIVATIONS[name]
    z = np.linspace(-12, 12, 240_002)  # not 0, where some have a kink
    slopes = activation.derivative(z)
    curvatures = np.diff(slopes) / np.diff(z)
    smooth = ~np.isin(np.sign(z[:-1]) * np.sign(z[1:]), [-1]) if activation.kinks else ...
    assert np.abs(slopes).max() <= activation.slope <= 1.01 * np.abs(slopes).max()
    assert np.abs(curvatures[smooth]).max() <= activation.curvature + 1e-9
