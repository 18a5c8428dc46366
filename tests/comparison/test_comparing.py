"""What differs between sides made by hand: labels, values, configurations, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.comparison.comparing import ABSENT, compare_sides
from pipeline.comparison.document import comparison_document
from pipeline.comparison.verdict import judge, require_testable
from pipeline.errors import RequestError
from tests.comparison.members import new_side, new_test_set, one_hot

LABELS = np.arange(40) % 10


def mistaken(*indices: int) -> np.ndarray:
    """Predictions that are right, except for the next class at these images."""
    found = LABELS.copy()
    found[list(indices)] = (found[list(indices)] + 1) % 10
    return one_hot(found)


def test_images_that_changed_are_listed(tmp_path: Path) -> None:
    test_set = new_test_set(tmp_path, LABELS)
    first = new_side("one", test_set, mistaken(3, 4, 5))
    other = new_side("two", test_set, mistaken(4, 11, 29))
    [pair] = compare_sides([first, other]).pairs
    worse, better = pair.files.worse, pair.files.better
    assert (worse.count, worse.indices) == (2, (11, 29))
    assert [(image.label, image.before, image.after) for image in worse.images] == [
        ("1", "1", "2"), ("9", "9", "0"),
    ]  # fmt: skip
    assert (better.count, better.indices) == (2, (3, 5))
    assert pair.files.test.method == "McNemar, exact"
    assert (pair.files.test.difference, pair.files.test.p_value) == (0, 1)
    assert pair.seeds == {}


def test_binary_side_is_compared_with_one_of_two_classes(tmp_path: Path) -> None:
    """The lecture's question: one output unit, or two, for the parity of a digit."""
    labels = LABELS % 2
    test_set = new_test_set(tmp_path, labels, target="parity", class_names=("even", "odd"))
    probability = np.where(labels, 0.8, 0.2).astype(np.float32)[:, None]
    two = np.concatenate([1 - probability, probability], axis=1)
    two[7] = [0.9, 0.1]
    comparison = compare_sides(
        [new_side("one", test_set, probability, task="binary"), new_side("two", test_set, two)]
    )
    [image] = comparison.pairs[0].files.worse.images
    assert (image.index, image.label, image.before, image.after) == (7, "odd", "odd", "even")
    assert list(comparison.metrics) == ["accuracy", "expected_calibration_error", "loss"]


def test_regression_lists_the_largest_changes_of_the_error(tmp_path: Path) -> None:
    labels = LABELS.astype(np.float32)
    test_set = new_test_set(tmp_path, labels, target="value", class_names=())
    right = labels[:, None].copy()
    other = right.copy()
    right[:5] += 0.5
    other[[20, 30], 0] += [1, -3]
    comparison = compare_sides(
        [
            new_side("one", test_set, right, task="regression"),
            new_side("two", test_set, other, task="regression"),
        ]
    )
    [pair] = comparison.pairs
    assert [image.index for image in pair.files.worse.images] == [30, 20]
    assert (pair.files.worse.images[0].before, pair.files.worse.images[0].after) == ("0", "-3")
    assert pair.files.better.count == 5
    assert pair.files.test.score == "rmse"
    scores = [side.first.score("rmse") for side in comparison.sides]
    assert pair.files.test.difference == pytest.approx(scores[1] - scores[0])
    interval = comparison.metrics["rmse"][1].interval
    assert interval is not None
    assert interval.low < scores[1] < interval.high


def test_configurations_are_compared_by_key(tmp_path: Path) -> None:
    test_set = new_test_set(tmp_path, LABELS)
    first = new_side("one", test_set, mistaken(), same=1, rate=0.1, momentum=0.9)
    other = new_side("two", test_set, mistaken(), mistaken(1), same=1, rate=0.2)
    assert compare_sides([first, other]).differences == {
        "train.seed": ([0], [0, 1]), "rate": (0.1, 0.2), "momentum": (0.9, ABSENT),
    }  # fmt: skip
    third = new_side("three", test_set, mistaken(), same=2, rate=0.1, momentum=0.9)
    assert compare_sides([first, first, third]).differences == {"same": (1, 1, 2)}


def test_networks_of_the_same_seed_are_compared(tmp_path: Path) -> None:
    test_set = new_test_set(tmp_path, LABELS)
    first = new_side("one", test_set, mistaken(0), mistaken(1))
    other = new_side("two", test_set, mistaken(2), mistaken(1), mistaken(2))
    other = type(other)("two", other.kind, "", other.members[1:])
    [pair] = compare_sides([first, other]).pairs
    assert (pair.files.before, pair.files.after) == ("one-1", "two-1")
    assert pair.files.worse.count == 0
    assert pair.seeds["accuracy"].seeds == (2, 2)


def test_document_is_plain_and_in_the_order_of_the_sides(tmp_path: Path) -> None:
    test_set = new_test_set(tmp_path, LABELS)
    sides = [new_side(name, test_set, mistaken(n), mistaken()) for n, name in enumerate("abc")]
    document = comparison_document(compare_sides(sides))
    assert [side["name"] for side in document["sides"]] == ["a", "b", "c"]
    assert [pair["side"] for pair in document["comparisons"]] == ["b", "c"]
    assert document["metrics"]["accuracy"][0]["mean"] == pytest.approx(1 - 0.5 / 40)
    assert document["comparisons"][0]["seeds"]["loss"]["assignments"] == 6
    assert (document["fail_if_worse"], document["error"]) == (None, None)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"target": "parity"}, "must have the same target; one predicts label, and two parity. "),
        (
            {"images_sha256": "c" * 64, "data_set": "kmnist"},
            "must have the same test images; one was tested on mnist (SHA-256 aaaaaaaaaaaa...) and "
            "two was tested on kmnist (SHA-256 cccccccccccc...). Run both with the same data",
        ),
        (
            {"labels_sha256": "c" * 64},
            "must have the same labels of the test images; those of one and two differ. ",
        ),
    ],
)
def test_other_test_sets_are_refused(tmp_path: Path, changed: dict[str, str], text: str) -> None:
    first = new_side("one", new_test_set(tmp_path, LABELS), mistaken())
    other = new_side("two", new_test_set(tmp_path, LABELS, **changed), mistaken())
    with pytest.raises(RequestError) as raised:
        compare_sides([first, other])
    assert text in str(raised.value)


def test_judging_depends_on_whether_lower_is_better(tmp_path: Path) -> None:
    test_set = new_test_set(tmp_path, LABELS)
    first = new_side("one", test_set, mistaken(0), mistaken(1), mistaken(0, 1))
    other = new_side("two", test_set, *(mistaken(*range(n)) for n in (5, 6, 7)))
    for metric in ("accuracy", "loss"):
        worse = judge(compare_sides([first, other]).pairs, metric, 0.05).judgments[0]
        assert (worse.side, worse.is_worse) == ("two", True)
        assert worse.p_value == pytest.approx(1 / 20)
        better = judge(compare_sides([other, first]).pairs, metric, 0.05).judgments[0]
        assert (better.is_worse, better.p_value) == (False, 1)


def test_too_few_seeds_for_the_significance_are_refused(tmp_path: Path) -> None:
    test_set = new_test_set(tmp_path, LABELS)
    sides = [new_side(name, test_set, mistaken(0), mistaken(1)) for name in ("one", "two")]
    with pytest.raises(RequestError) as raised:
        judge(compare_sides(sides).pairs, "accuracy", 0.05)
    assert str(raised.value).startswith(
        "With 2 and 2 seeds, no p-value can be below 0.167, so --fail-if-worse cannot find "
        "anything at the significance level 0.05. That needs 3 seeds of each side. To train one "
        "more: pipeline run CONFIG train.seed=2 --until evaluate"
    )


def test_unknown_metric_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    side = new_side("one", new_test_set(tmp_path, LABELS), mistaken())
    with pytest.raises(RequestError) as raised:
        require_testable([side], "acuracy", ["accuracy", "loss"])
    assert str(raised.value) == (
        "--fail-if-worse must name a metric of the test set; got 'acuracy'. Did you mean "
        "'accuracy'? Choose from accuracy, loss."
    )


def test_direction_of_every_score_is_known(tmp_path: Path) -> None:
    from pipeline.comparison.summaries import LOWER_IS_BETTER

    higher = {"accuracy", "balanced_accuracy", "precision", "recall", "r2"}
    higher |= {"roc_auc", "average_precision"}
    labels = LABELS % 2
    tasks = {
        "multiclass": np.eye(2, dtype=np.float32)[labels] * 0.8 + 0.1,
        "binary": np.full((40, 1), 0.5, np.float32),
        "regression": np.zeros((40, 1), np.float32),
    }
    test_set = new_test_set(tmp_path, labels, class_names=("even", "odd"))
    scores = {
        score
        for task, predictions in tasks.items()
        for score in new_side("one", test_set, predictions, task=task).first.metrics.scores
    }
    assert scores - LOWER_IS_BETTER == higher
