"""Metrics compared with values computed by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from pipeline.artifacts.data_set import DataSet, Split
from pipeline.artifacts.model_contract import contract_for
from pipeline.evaluation.stage import evaluate
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.tasks.by_class import metrics_by_class
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


BINARY = task_named("binary")
REGRESSION = task_named("regression")


def column(*values: float) -> Probabilities:
    return np.array(values, np.float32)[:, None]


def test_binary_metrics_match_hand_computed_values() -> None:
    """Two of three positives are found, with one false alarm among three negatives.

    Of the nine pairs of a positive and a negative, 0.9 and 0.7 are above all negatives except that
    0.7 is below 0.8, and 0.2 is above 0.1 only: 3 + 2 + 1 = 6 pairs are in order.
    """
    predictions, labels = column(0.9, 0.7, 0.2, 0.8, 0.3, 0.1), np.array([1, 1, 1, 0, 0, 0])
    metrics = BINARY.evaluate(predictions, labels, ("no", "yes"))
    assert metrics.headline[0] == "accuracy"
    assert metrics.loss == pytest.approx(-np.log([0.9, 0.7, 0.2, 0.2, 0.7, 0.9]).mean(), rel=1e-6)
    gaps = [1 - 0.9, 1 - 0.7, 0 - 0.8, 0 - 0.8, 1 - 0.7, 1 - 0.9]  # hits minus confidence
    of_bins = [gaps[0] + gaps[5], gaps[1] + gaps[4], gaps[2] + gaps[3]]
    precisions = [1 / 1, 2 / 3, 3 / 5]  # where the recall rises, at 0.9, 0.7 and 0.2
    assert metrics.scores == pytest.approx(
        {
            "accuracy": 4 / 6,
            "balanced_accuracy": (2 / 3 + 2 / 3) / 2,
            "precision": 2 / 3,
            "recall": 2 / 3,
            "roc_auc": 6 / 9,
            "average_precision": sum(precisions) / 3,
            "expected_calibration_error": sum(map(abs, of_bins)) / 6,
        },
        rel=1e-5,
    )
    assert metrics.confusion == ((2, 1), (1, 2))
    assert [(row.name, row.images) for row in metrics.classes] == [("no", 3), ("yes", 3)]
    assert BINARY.score(predictions, labels) == pytest.approx(4 / 6)


def test_a_probability_of_one_half_is_not_positive() -> None:
    assert BINARY.score(column(0.5), np.array([0])) == 1
    assert BINARY.describe(column(0.5)[0], ("no", "yes")).label == "no"


@pytest.mark.parametrize(("loss", "expected"), [("squared", 17 / 6), ("absolute", 5 / 3)])
def test_regression_metrics_match_hand_computed_values(loss: str, expected: float) -> None:
    """Errors of 4, -1 and 0; the labels 0, 3 and 6 have the variance 6."""
    predictions, labels = column(4, 2, 6), np.array([0, 3, 6], np.float32)
    metrics = task_named("regression", "linear", loss).evaluate(predictions, labels, ())
    assert metrics.loss == pytest.approx(expected)
    assert metrics.scores == pytest.approx(
        {"rmse": np.sqrt(17 / 3), "mae": 5 / 3, "r2": 1 - (17 / 3) / 6}
    )
    assert metrics.headline[0] == "rmse"
    assert (metrics.classes, metrics.confusion) == ((), ())
    assert REGRESSION.score(predictions, labels) == pytest.approx(np.sqrt(17 / 3))


def test_r2_is_left_out_where_it_is_not_defined() -> None:
    scores = REGRESSION.evaluate(column(1, 2), np.array([3, 3], np.float32), ()).scores
    assert set(scores) == {"rmse", "mae"}


@pytest.mark.parametrize(
    ("name", "labels", "constant", "score"),
    [
        ("multiclass", [0, 1, 1, 2], [1 / 4, 1 / 2, 1 / 4], {"accuracy": 1 / 2}),
        ("binary", [0, 1, 1, 1], [3 / 4], {"accuracy": 3 / 4, "recall": 1.0, "roc_auc": 0.5}),
        ("binary", [0, 0, 0, 1], [1 / 4], {"accuracy": 3 / 4, "recall": 0.0, "roc_auc": 0.5}),
        ("regression", [0.0, 1.0, 5.0], [2.0], {"rmse": np.sqrt(14 / 3), "mae": 2.0, "r2": 0.0}),
    ],
)
def test_baseline_is_the_best_constant(
    name: str, labels: list[float], constant: list[float], score: dict[str, float], tmp_path: Path
) -> None:
    """It is computed from the training labels, and evaluated on every split."""
    task = task_named(name)
    truth = np.array(labels, task.labels)
    np.testing.assert_allclose(task.baseline(truth, len(constant)), constant)
    split = Split(np.zeros((len(truth), 2, 2, 1), np.uint8), truth)
    other = Split(split.images[:2], truth[-2:])
    names = {"multiclass": ("a", "b", "c"), "binary": ("a", "b"), "regression": ()}[name]
    data = DataSet("x", "y", names, train=split, validation=split, test=split)

    class Zero(Predictor):
        contract = contract_for(task.output(3), image_shape=(2, 2, 1))

        def _run(self, images: Images) -> Probabilities:
            return np.full((len(images), len(constant)), 0.1, np.float32)

    found = evaluate(Zero(), data, task, tmp_path)
    assert {key: found["test"].baseline[key] for key in score} == pytest.approx(score)
    assert found["test"].baseline.keys() == found["test"].scores.keys()
    if name == "regression":
        shifted = evaluate(Zero(), replace(data, test=other), task, tmp_path)
        assert shifted["test"].baseline["mae"] == pytest.approx(2.0)  # |1 - 2| and |5 - 2|


def test_metrics_of_each_class_are_those_of_scikit_learn() -> None:
    """The last class is never predicted, and some have no images."""
    chance = np.random.default_rng(0)
    for count in range(2, 12):
        labels = chance.integers(0, count, 5 * count)
        others = chance.integers(0, count - 1, labels.shape)
        guessed = np.where(chance.random(labels.shape) < 0.5, labels % (count - 1), others)
        rows, confusion = metrics_by_class(labels, guessed, tuple(map(str, range(count))))
        matrix = confusion_matrix(labels, guessed, labels=np.arange(count))
        assert confusion == tuple(map(tuple, matrix.tolist()))
        expected = precision_recall_fscore_support(
            labels, guessed, labels=np.arange(count), zero_division=0
        )
        found = [(row.precision, row.recall, row.f1, row.images) for row in rows]
        assert found == list(zip(*expected, strict=True))


def test_loss_is_that_of_scikit_learn() -> None:
    chance = np.random.default_rng(0)
    predictions = chance.dirichlet(np.full(10, 0.1), 500).astype(np.float32)
    predictions[0] = [1, *[0] * 9]  # clipped
    labels = chance.integers(0, 10, 500)
    labels[:2] = 5
    expected = log_loss(
        labels, (exact := predictions.astype(np.float64)) / exact.sum(axis=1, keepdims=True),
        labels=np.arange(10),
    )  # fmt: skip
    found = MULTICLASS.evaluate(predictions, labels, tuple("abcdefghij"))
    assert found.loss == pytest.approx(expected, rel=1e-12)
