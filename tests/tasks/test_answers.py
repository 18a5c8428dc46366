"""What is known of answers without labels, for each task."""

import numpy as np
import pytest

from pipeline.artifacts.answer_distribution import Histogram
from pipeline.tasks.answers import describe_answers
from pipeline.tasks.registry import task_named

IMAGES = np.stack([np.full((2, 2, 1), value, np.uint8) for value in (0, 51, 255)])


def test_classes_with_their_confidence_and_intensity() -> None:
    predictions = np.array([[0.1, 0.25, 0.65], [0.55, 0.4, 0.05], [0.0, 1.0, 0.0]], np.float32)
    found = describe_answers(task_named("multiclass"), IMAGES, predictions)
    np.testing.assert_array_equal(found.answer, [2, 0, 1])
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence, [0.65, 0.55, 1])
    np.testing.assert_allclose(found.intensity, [0, 0.2, 1])
    distribution = found.distribution(4)
    assert distribution.answer == Histogram((1, 1, 1, 0))
    assert distribution.confidence
    assert distribution.confidence.counts == (0, 1, 1, 0, 0, 0, 0, 0, 0, 1)
    assert list(distribution.measures) == ["answer", "confidence", "intensity"]


def test_two_classes_with_one_probability() -> None:
    predictions = np.array([[0.125], [0.75], [1]], np.float32)
    found = describe_answers(task_named("binary"), IMAGES, predictions)
    np.testing.assert_array_equal(found.answer, [0, 1, 1])
    assert found.confidence is not None
    np.testing.assert_array_equal(found.confidence, [0.875, 0.75, 1])


def test_values_have_no_confidence() -> None:
    predictions = np.array([[-3.5], [0], [12]], np.float32)
    found = describe_answers(task_named("regression"), IMAGES, predictions)
    assert found.confidence is None
    distribution = found.distribution(0)
    assert sum(distribution.answer.counts) == 3
    assert distribution.answer.edges[0] == pytest.approx(-2.8)
    assert list(distribution.measures) == ["answer", "intensity"]


def test_intensity_of_a_large_image_is_exact() -> None:
    images = np.full((1, 2048, 2048, 3), 255, np.uint8)
    predictions = np.zeros((1, 1), np.float32)
    assert describe_answers(task_named("regression"), images, predictions).intensity == [1]
