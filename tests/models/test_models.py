"""The network: layers, parameters, scaling, and names of Keras."""

from typing import Any

import keras
import numpy as np
import pytest

from pipeline.config.schema import Model
from pipeline.models.dense import build_model, logits_model, summarize
from pipeline.tasks.registry import task_named

pytestmark = pytest.mark.tensorflow

SHAPE = (28, 28, 1)


def build(**settings: Any) -> keras.Model:
    return build_model(
        Model(**settings), image_shape=SHAPE, num_classes=10, task=task_named("multiclass")
    )


@pytest.mark.parametrize(
    ("hidden", "parameters"),
    [
        ((), 785 * 10),
        ((128,), 785 * 128 + 129 * 10),
        ((512, 512), 785 * 512 + 513 * 512 + 513 * 10),
    ],
)
def test_number_of_parameters(hidden: tuple[int, ...], parameters: int) -> None:
    model = build(hidden=hidden)
    assert model.count_params() == parameters
    assert sum(row.parameters for row in summarize(model)) == parameters


def test_output_matches_numpy() -> None:
    model = build(hidden=(3,))
    generator = np.random.default_rng(0)
    first, bias, second, last = (generator.normal(size=w.shape) for w in model.get_weights())
    model.set_weights([first, bias, second, last])
    images = generator.integers(0, 256, (5, *SHAPE), np.uint8)
    x = images.reshape(5, 784).astype(np.float64) / 255
    z = np.maximum(0, x @ first + bias) @ second + last
    expected = np.exp(z - z.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model(images).numpy(), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(logits_model(model)(images).numpy(), z, rtol=1e-5, atol=1e-4)


def test_output_layer_may_have_its_own_initializer() -> None:
    model = build(hidden=(8,), initializer="he_normal", output_initializer="lecun_normal")
    assert isinstance(model.get_layer("hidden_1").kernel_initializer, keras.initializers.HeNormal)
    last = model.get_layer("logits").kernel_initializer
    assert isinstance(last, keras.initializers.LecunNormal)


def test_activation_initializer_l2_and_dropout_reach_the_layers() -> None:
    model = build(hidden=(8,), activation="tanh", initializer="he_normal", l2=0.01, dropout=0.5)
    layer = model.get_layer("hidden_1")
    assert layer.activation is keras.activations.tanh
    assert isinstance(layer.kernel_initializer, keras.initializers.HeNormal)
    assert isinstance(model.get_layer("logits").kernel_initializer, keras.initializers.HeNormal)
    assert model.get_layer("dropout_1").rate == 0.5
    penalty = sum(float(0.01 * np.sum(w**2)) for w in model.get_weights() if w.ndim == 2)
    assert float(sum(model.losses)) == pytest.approx(penalty, rel=1e-5)


@pytest.mark.parametrize("activation", ["relu", "linear", "tanh", "sigmoid", "gelu", "selu"])
def test_activations_by_name(activation: str) -> None:
    assert build(hidden=(4,), activation=activation).count_params() == 785 * 4 + 50
