"""Calibration by temperature, and the subspace of the training images."""

import numpy as np
import pytest

from pipeline.runtimes.onnx_layers import DenseLayer
from pipeline.runtimes.subspace import fit_subspace
from pipeline.tasks.calibration import calibrated, expected_calibration_error, fit_temperature


def softmax(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_found(temperature: float) -> None:
    random = np.random.default_rng(1)
    z = random.normal(scale=2, size=(20_000, 4))
    labels = (softmax(z / temperature).cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1)
    probabilities = softmax(z).astype(np.float32)
    found = fit_temperature(probabilities, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    better = calibrated(probabilities, found)
    assert expected_calibration_error(better, labels) < 0.02
    assert (better.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    np.testing.assert_allclose(better, softmax(z / found), rtol=0, atol=1e-5)


def test_few_labels_do_not_make_predictions_certain() -> None:
    """Without the rule, the temperature would be the lowest, at which 60 % become certain."""
    probabilities = np.tile(np.array([[0.6, 0.4]], np.float32), (30, 1))
    labels = np.zeros(30, np.int64)
    assert fit_temperature(probabilities[:2], labels[:2]) == 1
    few, many = (fit_temperature(probabilities[:n], labels[:n]) for n in (10, 30))
    assert 0.05 < many < few < 1
    # Certain predictions would be more likely, but by no more than the test allows.
    [[certainty, _]] = calibrated(probabilities[:1], many)
    assert -30 * np.log(certainty) == pytest.approx(1.353, rel=0.01)


def test_probabilities_of_zero_and_one() -> None:
    certain = np.array([[1, 0], [0, 1]], np.float32)
    assert np.isfinite(fit_temperature(certain, np.array([0, 0])))
    np.testing.assert_allclose(calibrated(certain, 1.0), certain, rtol=0, atol=1e-30)


def test_distances_from_the_subspace() -> None:
    """Images of two pixels that vary, in a layer that adds nothing to them."""
    random = np.random.default_rng(2)
    images = np.zeros((500, 2, 2, 1), np.uint8)
    images[:, 0] = random.integers(0, 256, (500, 2, 1))
    layer = DenseLayer(np.eye(4, dtype=np.float32), np.ones(4, np.float32))
    subspace = fit_subspace(layer, images)
    assert subspace.components.shape == (4, 2)
    images[0, 1], images[1, 1] = [[30], [40]], [[0], [7]]
    np.testing.assert_allclose(
        subspace.distances(layer, images[:5]), [50, 7, 0, 0, 0], rtol=0, atol=1e-3
    )


def test_only_some_units_of_a_wide_layer_are_used() -> None:
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (50, 2, 2, 1), np.uint8)
    layer = DenseLayer(random.normal(size=(4, 1500)).astype(np.float32), np.zeros(1500, np.float32))
    subspace = fit_subspace(layer, images)
    assert subspace.mean.shape == (1024,)
    assert subspace.distances(layer, images).max() < 1


def test_constant_images_have_a_subspace() -> None:
    layer = DenseLayer(np.eye(4, dtype=np.float32), np.zeros(4, np.float32))
    images = np.full((9, 2, 2, 1), 7, np.uint8)
    assert fit_subspace(layer, images).distances(layer, images).max() == 0
