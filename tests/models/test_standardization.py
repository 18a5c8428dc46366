"""Standardized input: the statistics, and the network that computes the same without it."""

import keras
import numpy as np
import pytest

from pipeline.config.schema import Model
from pipeline.models.dense import build_model
from pipeline.models.standardization import Standardization, measure
from pipeline.tasks.registry import task_named

pytestmark = pytest.mark.tensorflow

SHAPE = (6, 5, 3)


def images(count: int) -> np.ndarray:
    generator = np.random.default_rng(count)
    brightness = np.array([0.2, 0.5, 1.0])
    values: np.ndarray = generator.integers(0, 256, (count, *SHAPE)) * brightness
    return values.astype(np.uint8)


def build(standardization: Standardization | None, hidden: tuple[int, ...] = (4,)) -> keras.Model:
    return build_model(
        Model(hidden=hidden),
        image_shape=SHAPE,
        num_classes=10,
        task=task_named("multiclass"),
        standardization=standardization,
    )


@pytest.mark.parametrize("count", [1, 7, 4096, 4097])
def test_statistics_are_those_of_each_channel(count: int) -> None:
    values = images(count)
    found = measure(values)
    np.testing.assert_allclose(found.mean, (values / 255).mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found.deviation, (values / 255).std(axis=(0, 1, 2)), rtol=1e-9)


def test_input_of_the_first_layer_has_mean_0_and_deviation_1() -> None:
    values = images(50)
    model = build(measure(values))
    first = keras.Model(model.input, model.get_layer("standardize").output)(values).numpy()
    np.testing.assert_allclose(first.mean(axis=(0, 1, 2)), np.zeros(3), rtol=0, atol=1e-5)
    np.testing.assert_allclose(first.std(axis=(0, 1, 2)), np.ones(3), rtol=1e-5)


@pytest.mark.parametrize("hidden", [(), (4,), (5, 4)])
def test_folded_network_computes_the_same(hidden: tuple[int, ...]) -> None:
    values = images(50)
    standardization = measure(values)
    trained, plain = build(standardization, hidden), build(None, hidden)
    generator = np.random.default_rng(0)
    trained.set_weights([generator.normal(size=w.shape) for w in trained.get_weights()])
    plain.set_weights(standardization.folded(trained.get_weights()))
    assert [layer.name for layer in plain.layers].count("standardize") == 0
    np.testing.assert_allclose(plain(values), trained(values), rtol=0, atol=1e-5)
    assert np.abs(plain(values) - build(None, hidden)(values)).max() > 1e-2


def test_channel_that_never_changes_stays_finite() -> None:
    values = images(50)
    values[..., 1] = 255
    standardization = measure(values)
    assert standardization.deviation[1] == 1
    trained, plain = build(standardization), build(None)
    plain.set_weights(standardization.folded(trained.get_weights()))
    np.testing.assert_allclose(plain(values), trained(values), rtol=0, atol=1e-5)
