"""The check of gradients finds each broken piece of an output with its loss."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.artifacts.data_set import Split
from pipeline.config.schema import Model
from pipeline.gradcheck import check
from pipeline.gradcheck.by_hand import scaled_and_flat, textbook_network
from pipeline.gradcheck.float32_bounds import ForwardErrors, on_the_same_sides
from pipeline.gradcheck.framework import Batch, Framework
from pipeline.gradcheck.kinks import output_sides
from pipeline.models.dense import build_model, in_float64
from pipeline.tasks.binary import Binary
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Task
from pipeline.textbook.activations import ACTIVATIONS, Array
from pipeline.textbook.backpropagation import (
    ForwardPass,
    LayerGradients,
    Network,
    backward,
    forward,
)
from pipeline.textbook.losses import OUTPUT_LOSSES

pytestmark = pytest.mark.tensorflow

Derivative = Callable[[Array, Array], Array]
Name = tuple[str, str, str]
Exact = Callable[[Name], tuple[Framework, Batch, list[LayerGradients]]]

SIGMOID: Name = ("binary", "sigmoid", "cross_entropy")
TANH: Name = ("binary", "tanh", "cross_entropy")
SQUARED: Name = ("regression", "linear", "squared")
ABSOLUTE: Name = ("regression", "linear", "absolute")
RELU_SQUARED: Name = ("regression", "relu", "squared")
RELU_ABSOLUTE: Name = ("regression", "relu", "absolute")
NAMES = [SIGMOID, TANH, SQUARED, ABSOLUTE, RELU_SQUARED, RELU_ABSOLUTE]


def sound(name: Name, z: Array, y: Array) -> Array:
    return OUTPUT_LOSSES[name[1:]].derivative(z, y)


def of(name: Name, changed: Callable[[Array, Array], Array]) -> tuple[Name, Derivative]:
    """Return a mutation: the derivative computed from the sound one, and z."""
    return name, lambda z, y: changed(sound(name, z, y), z)


def replaced(name: Name, derivative: Derivative) -> tuple[Name, Derivative]:
    return name, lambda z, y: derivative(z, y[:, None])


MUTATIONS: dict[str, tuple[Name, Derivative]] = {
    "the sign, sigmoid": of(SIGMOID, lambda d, _: -d),
    "the labels exchanged, sigmoid": (SIGMOID, lambda z, y: sound(SIGMOID, z, 1 - y)),
    "the slope of the sigmoid once more": of(
        SIGMOID, lambda d, z: d * ACTIVATIONS["sigmoid"].derivative(z)
    ),
    "without the factor 2 of tanh": of(TANH, lambda d, _: d / 2),
    "sigmoid(z) for sigmoid(2z)": (TANH, lambda z, y: 2 * sound(SIGMOID, z, y)),
    "tanh z for (1 + tanh z) / 2": replaced(TANH, lambda z, y: 2 * (np.tanh(z) - y)),
    "without the 1/2 of the square": of(SQUARED, lambda d, _: 2 * d),
    "the sign, squared": of(SQUARED, lambda d, _: -d),
    "the distance for its sign": (ABSOLUTE, lambda z, y: sound(SQUARED, z, y)),
    "the sign, absolute": of(ABSOLUTE, lambda d, _: -d),
    "without the kink at y": of(ABSOLUTE, lambda d, _: np.ones_like(d)),
    "without the kink of ReLU, squared": (RELU_SQUARED, lambda z, y: sound(SQUARED, z, y)),
    "the other side of ReLU, squared": replaced(
        RELU_SQUARED, lambda z, y: np.where(z <= 0, z - y, 0)
    ),
    "without the kink of ReLU, absolute": (RELU_ABSOLUTE, lambda z, y: sound(ABSOLUTE, z, y)),
    "without the kink at y, ReLU": of(RELU_ABSOLUTE, lambda _, z: np.where(z > 0, 1.0, 0.0)),
}
CONFIG = Model(hidden=(16,), l2=1e-3)


def new_model(name: Name) -> keras.Model:
    """Return a model whose z are on both sides of 0, and of the targets of regression."""
    keras.utils.set_random_seed(0)
    model = build_model(CONFIG, image_shape=(28, 28, 1), num_classes=2, task=task_named(*name))
    logits = model.get_layer("logits")
    logits.kernel.assign(8 * logits.kernel)
    return model


@pytest.fixture(scope="module")
def exact(digits: Split) -> Exact:
    """The gradients of the framework in float64, computed once for each output and loss."""
    found: dict[Name, tuple[Framework, Batch, list[LayerGradients]]] = {}

    def gradients(name: Name) -> tuple[Framework, Batch, list[LayerGradients]]:
        if name not in found:
            task, labels = task_named(*name), digits.labels[:32]
            values = labels % 2 if task.name == "binary" else labels.astype(np.float32)
            batch = Batch(digits.images[:32], values)
            framework = Framework(in_float64(new_model(name)), task, "float64")
            found[name] = framework, batch, framework.differentiate(batch).gradients
        return found[name]

    return gradients


def agrees(exact: Exact, name: Name, scale: float = 1.0, **changed: Any) -> bool:
    framework, batch, expected = exact(name)
    output = replace(OUTPUT_LOSSES[name[1:]], **changed)
    network = textbook_network(framework.dense, "relu", output, l2=CONFIG.l2)
    assert network is not None
    values = forward(network, scaled_and_flat(batch.images))
    found = backward(network, values, batch.targets)
    return all(
        check._measured(check._part(a, tensor), scale * check._part(b, tensor)).passed
        for a, b in zip(expected, found, strict=True)
        for tensor in "zWb"
    )


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_unchanged_output_agrees_and_a_sum_in_place_of_the_mean_does_not(
    exact: Exact, name: Name
) -> None:
    assert agrees(exact, name)
    assert not agrees(exact, name, scale=32)


@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_output_is_found(exact: Exact, name: str) -> None:
    output, derivative = MUTATIONS[name]
    assert not agrees(exact, output, derivative=derivative)


class WithoutFactor(Binary):
    """The loss of tanh whose gradient lacks the factor 2."""

    def loss(self, precision: str = "float32") -> keras.losses.Loss:
        sound = super().loss(precision)

        class Wrong(keras.losses.Loss):  # type: ignore[misc]
            def call(self, y_true: Any, y_pred: Any) -> Any:
                kept = tf.stop_gradient(y_pred) + (y_pred - tf.stop_gradient(y_pred)) / 2
                return sound.call(y_true, kept)

        return Wrong(reduction="sum", dtype=precision)


def test_wrong_gradient_of_the_framework_is_found(exact: Exact) -> None:
    """By the differences too, which know only the value of the loss."""
    _, batch, _ = exact(TANH)
    task: Task = WithoutFactor("tanh")
    _, rows = check.check_gradients(new_model(TANH), CONFIG, task, batch, OUTPUT_LOSSES[TANH[1:]])
    assert [row.tensor for row in rows if row.by_hand and row.by_hand.passed] == []
    weights = [row for row in rows if row.differences is not None]
    assert [row.tensor for row in weights if row.differences and row.differences.passed] == []


def test_float64_copy_of_tanh_computes_twice_z_in_float64(exact: Exact) -> None:
    framework, batch, _ = exact(TANH)
    copy = in_float64(new_model(TANH))
    _, [*_, z] = framework.compute(batch)
    expected = OUTPUT_LOSSES[TANH[1:]].output(z)
    np.testing.assert_allclose(copy(batch.images), expected, rtol=1e-12)


def test_sides_of_an_output() -> None:
    z, y = np.array([[-1.0], [2.0], [4.0]]), np.array([3.0, 3.0, 3.0])
    squared, absolute = (OUTPUT_LOSSES["relu", name] for name in ("squared", "absolute"))
    assert output_sides(squared, z, y)[:, :, 0].tolist() == [[False, True, True]]
    both = [[False, True, True], [False, False, True]]
    assert output_sides(absolute, z, y)[:, :, 0].tolist() == both
    assert output_sides(OUTPUT_LOSSES[SIGMOID[1:]], z, y).size == 0


def test_rounding_may_move_an_output_over_the_kink_at_its_target() -> None:
    """An output that float32 has above its target is taken as above, if it is as near."""
    network = Network([], [], ACTIVATIONS["linear"], OUTPUT_LOSSES["linear", "absolute"])
    values = ForwardPass([], [np.array([[1 - 1e-9], [1 - 1e-9], [0.5]])])
    rounded = [np.array([[1 + 1e-9], [1.1], [0.5 + 1e-9]])]
    errors = ForwardErrors([], [np.full((3, 1), 1e-8)])
    found = on_the_same_sides(network, values, errors, rounded, np.ones(3))
    assert found.pre_activations[-1].tolist() == [[1 + 1e-9], [1 - 1e-9], [0.5]]
