"""Metrics compared with values computed by hand."""

import numpy as np
import pytest

from pipeline.artifacts.model_contract import contract_for
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.tasks.calibration import expected_calibration_error
from pipeline.tasks.registry import task_named

PROBABILITIES = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.9, 0.1]], np.float32)
LABELS = np.array([0, 1, 1, 0])
MULTICLASS = task_named("multiclass")


class Brightness(Predictor):
    """A stand-in model: the first pixel is the probability of class 1, in percent."""

    contract = contract_for(task_named("multiclass").output(2), image_shape=(2, 2, 1))

    def __init__(self) -> None:
        self.calls: list[int] = []

    def _run(self, images: Images) -> Probabilities:
        self.calls.append(len(images))
        second = images[:, 0, 0, 0].astype(np.float32) / 100
        return np.stack([1 - second, second], axis=1)


def test_metrics_match_hand_computed_values() -> None:
    metrics = MULTICLASS.evaluate(PROBABILITIES, LABELS, ("cat", "dog"))
    assert metrics.images == 4
    assert metrics.scores["accuracy"] == 0.75
    assert metrics.loss == pytest.approx(-np.log([0.8, 0.4, 0.7, 0.9]).mean(), rel=1e-6)
    assert metrics.confusion == ((2, 0), (1, 1))
    cat, dog = metrics.classes
    assert (cat.name, cat.images, cat.recall) == ("cat", 2, 1.0)
    assert cat.precision == pytest.approx(2 / 3)
    assert (dog.precision, dog.recall) == (1.0, 0.5)
    assert dog.f1 == pytest.approx(2 / 3)


def test_calibration_error_matches_hand_computed_value() -> None:
    """Four images in four bins: |1 - .8| + |0 - .6| + |1 - .7| + |1 - .9| over 4."""
    error = expected_calibration_error(PROBABILITIES, LABELS)
    assert error == pytest.approx((0.2 + 0.6 + 0.3 + 0.1) / 4, abs=1e-6)


def test_certain_predictions_and_a_class_without_images() -> None:
    certain = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], np.float32)
    metrics = MULTICLASS.evaluate(certain, np.array([0, 1]), ("a", "b", "c"))
    assert metrics.scores["expected_calibration_error"] == 0
    assert metrics.loss == pytest.approx(0, abs=1e-6)
    assert (metrics.classes[2].images, metrics.classes[2].recall) == (0, 0.0)


def test_all_images_are_predicted_in_order() -> None:
    count = 10_001  # not a multiple of any batch size
    images = np.zeros((count, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(count) % 100
    brightness = Brightness()
    probabilities = brightness.predict_all(images)
    assert max(brightness.calls) < count  # memory is bounded
    np.testing.assert_allclose(probabilities[:, 1], np.arange(count) % 100 / 100, atol=1e-7)
