"""Exact predictions, and the bounds of float32 rounding that verification derives from them."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.model_contract import contract_for
from pipeline.runtimes.isolated import WorkerResult
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import UNIT_ROUNDOFF
from pipeline.verification.activations.table import ACTIVATIONS
from pipeline.verification.comparing import Reference, compare
from pipeline.verification.exact import Exact, exact_predictions
from pipeline.verification.network import Dense, Network

MULTICLASS = task_named("multiclass")
CONTRACT = contract_for(MULTICLASS.output(3), image_shape=(4, 4, 1))
WITHOUT_DEFAULTS = {"glu", "threshold"}  # no output of the same size; required arguments
HELPERS = {"get", "serialize", "deserialize"}


def network(seed: int, hidden: tuple[int, ...], activation: str, scale: float = 1.0) -> Network:
    """Return a network for 4 x 4 images with random weights and biases."""
    rng = np.random.default_rng(seed)
    widths = [16, *hidden, 3]
    layers = [
        Dense(
            (scale * rng.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32),
            (scale * rng.normal(size=b)).astype(np.float32),
            "linear" if number == len(hidden) else activation,
        )
        for number, (a, b) in enumerate(pairwise(widths))
    ]
    return Network(np.float32(1 / 255), tuple(layers))


def random_images(count: int = 40) -> np.ndarray:
    return np.random.default_rng(9).integers(0, 256, (count, 4, 4, 1)).astype(np.uint8)


def in_float32(net: Network, images: np.ndarray, order: np.random.Generator) -> np.ndarray:
    """Predict in float32, adding the terms of each sum one by one in a random order."""
    assert net.scale is not None
    x = images.reshape(len(images), -1).astype(np.float32) * net.scale
    for layer in net.layers:
        assert layer.bias is not None
        total = np.zeros((len(images), layer.kernel.shape[1]), np.float32)
        for k in order.permutation(len(layer.kernel)):
            total += x[:, k, None] * layer.kernel[k]
        z = total + layer.bias
        x = ACTIVATIONS[layer.activation].value(z.astype(np.float64)).astype(np.float32)
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def reference(net: Network, images: np.ndarray, exact: Exact) -> Reference:
    labels = np.zeros(len(images), np.int64)
    return Reference(
        Path("none"), labels, exact.probabilities, CONTRACT, MULTICLASS, exact.allowed, net
    )


def test_exact_probabilities_by_hand() -> None:
    """Two pixels, 255 and 0: z = (1 + 0.5, 2, 3), so p is the softmax of (1.5, 2, 3)."""
    kernel = np.array([[1, 2, 3], [9, 9, 9]], np.float32)
    bias = np.array([0.5, 0, 0], np.float32)
    net = Network(
        np.float32(1 / 256), (Dense((kernel * 256 / 255).astype(np.float32), bias, "linear"),)
    )
    exact = exact_predictions(net, np.array([[[[255], [0]]]], np.uint8), MULTICLASS)
    powers = np.exp([1.5, 2, 3])
    np.testing.assert_allclose(exact.probabilities[0], powers / powers.sum(), rtol=1e-6)
    # The zero pixel is not rounded. z_3 = 3 has two roundings of at most 3 U, times FACTOR, and one
    # of the scaled pixel; p_3 = 0.628 changes by at most p (1 - p) times twice that, and a little.
    bound = 0.628 * 0.372 * 2 * (8 * np.sqrt(2) + 1) * 3 * UNIT_ROUNDOFF
    assert bound / 2 < exact.allowed[0, 2] < bound + 20 * UNIT_ROUNDOFF


@pytest.mark.tensorflow
def test_every_activation_of_keras_is_known() -> None:
    import keras

    known = {name for name in vars(keras.activations) if name.islower() and name[0] != "_"}
    assert known - HELPERS - WITHOUT_DEFAULTS == set(ACTIVATIONS) & known
    assert set(ACTIVATIONS) - known == {"swish", "hard_swish"} - known


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_that_of_keras(name: str) -> None:
    import keras

    x = np.random.default_rng(1).uniform(-6, 6, (50, 7)).astype(np.float32)
    x[0] = 0
    x[1, :4] = [0.5, -0.5, 20, -20]
    expected = np.asarray(keras.activations.get(name)(keras.ops.convert_to_tensor(x)))
    got = ACTIVATIONS[name].value(x.astype(np.float64))
    np.testing.assert_allclose(got, expected, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_pull_back_is_the_derivative(name: str) -> None:
    """Compared with central differences, at points without a kink nearby."""
    rng = np.random.default_rng(2)
    x, v = rng.uniform(-4, 4, (30, 5)), rng.normal(size=(30, 1, 5))
    activation, step = ACTIVATIONS[name], 1e-6
    direction = rng.normal(size=x.shape)
    change = activation.value(x + step * direction) - activation.value(x - step * direction)
    expected = np.sum(v[:, 0] * change / (2 * step), axis=1)
    got = np.sum(activation.pull_back(x, v)[:, 0] * direction, axis=1)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_variance_is_that_of_the_linearization(name: str) -> None:
    """sum_j (dy_i / dx_j)^2 Var(x_j), with all derivatives from ``pull_back``."""
    rng = np.random.default_rng(3)
    x, variance = rng.uniform(-4, 4, (30, 5)), rng.uniform(0, 1, (30, 5))
    activation = ACTIVATIONS[name]
    jacobian = activation.pull_back(x, np.broadcast_to(np.eye(5), (30, 5, 5)))
    expected = np.einsum("nij,nj->ni", jacobian**2, variance)
    np.testing.assert_allclose(activation.variance(x, variance), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1e-6, 1e-2])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_linearization_and_remainder_contain_every_change(name: str, size: float) -> None:
    rng = np.random.default_rng(4)
    x, error = rng.uniform(-3, 3, (200, 5)), size * rng.uniform(0, 1, (200, 5))
    activation = ACTIVATIONS[name]
    jacobian = activation.pull_back(x, np.broadcast_to(np.eye(5), (200, 5, 5)))
    remainder = activation.remainder(x, error)
    for share in (-1.0, -0.5, 0.5, 1.0):
        change = share * error * rng.choice([-1, 1], x.shape)
        linear = activation.value(x) + np.einsum("nij,nj->ni", jacobian, change)
        missed = np.abs(activation.value(x + change) - linear)
        assert (missed <= remainder + 1e-12).all(), share


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_float32_is_within_the_bound_in_any_order(name: str) -> None:
    images = random_images()
    for seed, scale in enumerate((1e-3, 1.0, 1.5)):
        net = network(seed, (12, 9), name, scale)
        exact = exact_predictions(net, images, MULTICLASS)
        for order in range(3):
            got = in_float32(net, images, np.random.default_rng(order))
            assert (np.abs(got - exact.probabilities) <= exact.allowed).all(), (scale, order)


def test_bound_grows_with_the_logits() -> None:
    """Two equal logits of 16 and 16,000: their difference has 1,000 times the rounding errors."""
    images = np.full((1, 4, 4, 1), 255, np.uint8)

    def allowed(weight: float) -> float:
        kernel = np.zeros((16, 3), np.float32)
        kernel[:, :2] = weight
        net = Network(np.float32(1 / 255), (Dense(kernel, np.zeros(3, np.float32), "linear"),))
        return float(exact_predictions(net, images, MULTICLASS).allowed[0, 0])

    small, large = allowed(1), allowed(1000)
    assert 1e-6 < small < 1e-4
    assert large == pytest.approx(1000 * small, rel=0.1)


def test_input_at_a_kink_is_allowed_both_slopes() -> None:
    """The input of a ReLU is 1 - 1 = 0 up to rounding, and a large weight follows."""
    kernel = np.zeros((16, 1), np.float32)
    kernel[:2, 0] = 1, -1
    first = Dense(kernel, np.zeros(1, np.float32), "relu")
    last = Dense(np.array([[1e6, 0, 0]], np.float32), np.zeros(3, np.float32), "linear")
    images = np.full((1, 4, 4, 1), 255, np.uint8)
    net = Network(np.float32(1 / 255), (first, last))
    allowed = exact_predictions(net, images, MULTICLASS).allowed
    assert allowed[0, 0] > 0.05  # 1e6 times a few U is a change of the logit by 0.3


def test_chunks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    net, images = network(3, (12,), "tanh"), random_images()
    whole = exact_predictions(net, images, MULTICLASS)
    monkeypatch.setattr("pipeline.verification.exact._CHUNK_NUMBERS", 16 * 3 * 7)
    parts = exact_predictions(net, images, MULTICLASS)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, rtol=1e-12)
    np.testing.assert_allclose(parts.allowed, whole.allowed, rtol=1e-6)


def worker_result(probabilities: np.ndarray) -> WorkerResult:
    got = probabilities.astype(np.float32)
    return WorkerResult(CONTRACT, got, {size: got[:size] for size in (1, 2, 7, 32)})


def test_difference_beyond_the_bound_names_image_class_and_both_numbers() -> None:
    net, images = network(4, (12,), "relu"), random_images()
    expected = reference(net, images, exact_predictions(net, images, MULTICLASS))
    assert expected.allowed is not None
    assert compare(worker_result(expected.probabilities), expected) == ()
    wrong = expected.probabilities.copy()
    wrong[35, 2] += 1.5 * expected.allowed[35, 2]
    [failure] = compare(worker_result(wrong), expected)
    assert failure.startswith(
        "the test set: the differences from the exact predictions must be within the rounding "
        "errors of float32; 1 of 120 are larger, above all that of output 2 of image 35: "
    )
    assert failure.endswith(f"where {expected.allowed[35, 2]:.3g} is allowed")


def test_labels_may_differ_only_within_the_bound() -> None:
    """Two classes are equal within the sum of their bounds, or they are not."""
    probabilities = np.array([[0.5, 0.4999, 0.0001], [0.5, 0.4999, 0.0001]])
    allowed = np.array([[6e-5, 6e-5, 1e-7], [4e-5, 4e-5, 1e-7]])
    got = probabilities[:, [1, 0, 2]].astype(np.float32)
    assert MULTICLASS.disagreements(got, probabilities, allowed) == 1
    assert MULTICLASS.disagreements(got, probabilities, 2e-4) == 0


def test_infinite_and_missing_bounds_are_handled() -> None:
    """A bound that is not a number permits nothing."""
    net, images = network(4, (12,), "relu"), random_images()
    expected = reference(net, images, exact_predictions(net, images, MULTICLASS))
    unknown = replace(expected, allowed=np.full_like(expected.probabilities, np.nan))
    assert "the differences from" in " ".join(
        compare(worker_result(expected.probabilities), unknown)
    )
    fixed = replace(expected, allowed=None)
    assert compare(worker_result(expected.probabilities + 2e-5), fixed)[0] == (
        "the test set: the largest difference of predictions must be at most 1e-05; got 2e-05"
    )
