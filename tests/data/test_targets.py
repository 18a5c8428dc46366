"""Targets: what the labels become, for the sample, the full MNIST and other data sets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.data_set import DataSet, read_data
from pipeline.config import read
from pipeline.config.data_schema import Data
from pipeline.config.target import known_classes, target_text
from pipeline.data.targets import target_of
from pipeline.engine.runner import StageResult
from pipeline.engine.workspace import Workspace
from pipeline.errors import ConfigError
from pipeline.progress import Silent
from pipeline.stages import plan_stages, run_stages
from tests.conftest import FullMnist
from tests.support.command_line import assert_error, in_process
from tests.support.paths import SMOKE
from tests.support.small_sets import prepare_small_set

SHAPES = ("circle", "square", "star")
DIGITS = tuple("0123456789")
LABELS = np.arange(10)
NUMBERS = {"value", "scaled_value", "size", "broken"}
FORMS: list[tuple[Any, tuple[str, ...], Any]] = [
    ("label", DIGITS, list(range(10))),
    ("parity", ("even", "odd"), [0, 1] * 5),
    ({"is": 7}, ("not 7", "7"), [0] * 7 + [1, 0, 0]),
    ({"is": "7"}, ("not 7", "7"), [0] * 7 + [1, 0, 0]),
    ({"pair": [3, 5]}, ("3", "5"), [0, 1]),
    ({"pair": [5, 3]}, ("5", "3"), [1, 0]),
    ("value", (), list(range(10))),
    ("scaled_value", (), [digit / 9 for digit in range(10)]),
]


def stage_result(workspace: Path, target: str, *overrides: str) -> StageResult:
    (workspace / "small.yaml").write_text("name: small")
    task = "regression" if target in NUMBERS else "multiclass"
    given = [f"data.tfds_dir={workspace / 'tfds'}", f"data.target={target}", f"task={task}"]
    config = read(workspace / "small.yaml", [*given, *overrides])
    [result] = run_stages(config, Workspace(workspace), Silent(), until="data")
    return result


def data_of(workspace: Path, target: str, *overrides: str) -> DataSet:
    return read_data(stage_result(workspace, target, *overrides).output.path)


@pytest.mark.parametrize(("target", "classes", "expected"), FORMS)
def test_labels_of_digits(target: Any, classes: tuple[str, ...], expected: list[float]) -> None:
    found = target_of(Data(target=target), DIGITS)
    kept = LABELS if found.select is None else LABELS[found.select(LABELS)]
    labels = found.convert(kept)
    assert found.class_names == classes
    assert labels.dtype == (np.int64 if classes else np.float32)
    np.testing.assert_allclose(labels, expected, rtol=1e-7)


@pytest.mark.parametrize(("target", "classes"), [form[:2] for form in FORMS])
def test_classes_that_are_known_without_the_data_set(target: Any, classes: tuple[str, ...]) -> None:
    assert known_classes(target) == (None if target == "label" else classes)


def test_names_of_classes() -> None:
    """A class is given by its name or its number; names come first."""
    found = target_of(Data(target={"pair": ["star", 0]}), SHAPES)
    assert found.class_names == ("star", "circle")
    assert found.convert(np.array([2, 0, 0])).tolist() == [0, 1, 1]
    assert target_of(Data(target={"is": 20}), ("10", "20")).class_names == ("not 20", "20")


def test_target_is_shown_as_it_is_written() -> None:
    texts = [target_text(form[0]) for form in FORMS]
    assert texts[:5] == ["label", "parity", "{is: 7}", "{is: 7}", "{pair: [3, 5]}"]


def test_sample_with_two_classes(tmp_path: Path) -> None:
    result = stage_result(tmp_path, "parity")
    assert result.output.facts.target == "parity"
    assert result.output.facts.class_names == ("even", "odd")
    data = read_data(result.output.path)
    assert [np.bincount(split.labels).tolist() for split in (data.train, data.test)] == [
        [1834, 1833],
        [500, 500],
    ]
    assert data.train.labels.dtype == np.int64


def test_pair_of_the_sample_keeps_the_images_of_both_classes(tmp_path: Path) -> None:
    pair, digits = data_of(tmp_path, "{pair: [3, 5]}"), data_of(tmp_path, "label")
    for name in ("train", "validation", "test"):
        part, whole = getattr(pair, name), getattr(digits, name)
        chosen = np.isin(whole.labels, [3, 5])
        np.testing.assert_array_equal(part.images, whole.images[chosen])
        np.testing.assert_array_equal(part.labels, whole.labels[chosen] == 5)


def test_values_of_the_sample(tmp_path: Path) -> None:
    digits, scaled = data_of(tmp_path, "label"), data_of(tmp_path, "scaled_value")
    assert scaled.class_names == ()
    assert scaled.test.labels.dtype == np.float32
    np.testing.assert_allclose(scaled.test.labels, digits.test.labels / 9, rtol=1e-7)


@pytest.mark.tensorflow
def test_full_mnist_is_stratified_by_digit(full_mnist: FullMnist, tmp_path: Path) -> None:
    prepared = f"data.tfds_dir={full_mnist.tfds_dir}"
    digits = read_data(full_mnist.data)
    values = data_of(tmp_path, "value", prepared)
    for split, count in (("train", 55_000), ("validation", 5_000), ("test", 10_000)):
        got = getattr(values, split)
        assert len(got) == count
        np.testing.assert_array_equal(got.labels, getattr(digits, split).labels)
    pair = data_of(tmp_path, "{pair: [3, 5]}", prepared, "data.validation=1000")
    assert len(pair.train) + len(pair.validation) == 6131 + 5421
    assert np.bincount(pair.validation.labels).tolist() == [531, 469]  # 1,000 x 6131 / 11552
    assert np.bincount(pair.test.labels).tolist() == [1010, 892]


def test_fingerprints_change_with_the_target(tmp_path: Path) -> None:
    def prints(target: str) -> dict[str, str]:
        config = read(SMOKE, ["task=binary", f"data.target={target}"])
        data_of(tmp_path, target)  # a source that needs no network
        planned = plan_stages(config, Workspace(tmp_path))
        assert planned is not None
        return planned.fingerprints

    first, again, other, reverse = map(
        prints, ("{pair: [3, 5]}", "{pair: [3, 5]}", "{pair: [3, 7]}", "{pair: [5, 3]}")
    )
    assert first == again
    assert all(first[name] != other[name] != reverse[name] for name in first)


@pytest.fixture(scope="module")
def small_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sets on disk: shapes with several features, and others that miss something."""
    tfds = pytest.importorskip("tensorflow_datasets")
    root = tmp_path_factory.mktemp("sets") / "tfds"
    label = tfds.features.ClassLabel(names=SHAPES)
    rare = tfds.features.ClassLabel(names=["common", "rare", "never"])
    prepare_small_set(
        root, "shapes",
        {"label": label, "rare": rare, "single": rare, "filled": np.bool_, "size": np.float64,
         "note": tfds.features.Text(), "broken": np.float32},
        lambda i: {"label": i % 3, "rare": int(i < 3), "single": int(i == 0), "filled": i % 4 == 0,
                   "size": i / 10, "note": "x",
                   "broken": float("nan") if i == 7 else 1.0},
        train=90, test=30,
    )  # fmt: skip
    prepare_small_set(
        root, "unlabeled", {"label": label}, lambda i: {"label": -1 if i == 4 else i % 3},
        train=30, test=30,
    )  # fmt: skip
    prepare_small_set(root, "numbers", {"label": np.int64}, lambda i: {"label": i - 5}, train=30,
                      test=30)  # fmt: skip
    return root


def of_set(small_sets: Path, workspace: Path, target: str, *overrides: str) -> DataSet:
    name = "shapes" if not any("data.name" in text for text in overrides) else None
    given = [f"data.name={name}"] * (name is not None) + list(overrides)
    size = [] if any("data.validation" in text for text in given) else ["data.validation=30"]
    return data_of(workspace, target, f"data.tfds_dir={small_sets}", *given, *size)


def index(split: Any) -> np.ndarray:
    """Return the number of each image, which its pixels show."""
    return np.asarray(split.images[:, 0, 0, 0], np.int64)


@pytest.mark.tensorflow
def test_other_features_of_a_data_set(small_sets: Path, tmp_path: Path) -> None:
    """A class, true or false, and numbers; each follows the images through the split."""
    of_image: dict[str, Any] = {
        "label": (SHAPES, lambda i: i % 3),
        "filled": (("false", "true"), lambda i: i % 4 == 0),
        "size": ((), lambda i: (i / 10).astype(np.float32)),
    }
    for target, (classes, expected) in of_image.items():
        data = of_set(small_sets, tmp_path, target)
        assert data.class_names == classes
        assert data.image_shape == (8, 6, 1)
        for split, count in ((data.train, 60), (data.validation, 30)):
            assert len(split) == count
            assert split.labels.dtype == (np.int64 if classes else np.float32)
        for split in (data.train, data.validation, data.test):
            np.testing.assert_array_equal(split.labels, expected(index(split)))
    pair = of_set(small_sets, tmp_path, "{pair: [star, circle]}")
    assert pair.class_names == ("star", "circle")
    np.testing.assert_array_equal(pair.test.labels, index(pair.test) % 3 == 0)


@pytest.mark.tensorflow
def test_number_as_the_label(small_sets: Path, tmp_path: Path) -> None:
    data = of_set(small_sets, tmp_path, "value", "data.name=numbers", "data.validation=5")
    np.testing.assert_array_equal(data.test.labels, index(data.test) - 5)


@pytest.mark.tensorflow
def test_negative_targets_are_refused_with_relu(small_sets: Path, tmp_path: Path) -> None:
    """Once the data are read, and before the training begins."""
    (tmp_path / "a.yaml").write_text(
        "name: a\ntask: regression\nmodel: {hidden: [4],\n  output: relu}\n"
        f"data: {{name: numbers, target: value, validation: 5, tfds_dir: {small_sets}}}\n"
        "train: {batch_size: 10}\n"
    )
    done = in_process("run", tmp_path / "a.yaml", "-C", tmp_path)
    assert_error(done, 2, "The output relu is never negative, so it cannot learn negative targets; "
                 "the smallest is -5 (model.output in", "a.yaml, line 4). Write model.output: ",
                 )  # fmt: skip
    assert not list((tmp_path / "runs").glob("train/*"))


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("target", "overrides", "words"),
    [
        ("lable", [], ["The feature 'lable' of shapes does not exist (data.target in the override",
                       "Did you mean 'label'?", "sets with a label also have {is: CLASS}"]),
        ("parity", [], ["The target parity needs classes that are numbers; shapes has circle, "
                        "square, star", "for example {is: CLASS}"]),
        ("value", [], ["The target value needs classes that are numbers"]),
        ("note", [], ["The feature 'note' of shapes is not a class or a number"]),
        ("image", [], ["The feature 'image' of shapes is not a class or a number"]),
        ("{is: 3}", [], ["shapes has no class 3 for the target {is: 3} (data.target in the",
                         "Its classes are circle, square, star."]),
        ("{is: squar}", [], ["no class 'squar'", "Did you mean 'square'?"]),
        ("{pair: [star, 9]}", [], ["no class 9 for the target {pair: [star, 9]}"]),
        ("{pair: [2, star]}", [], ["A pair must have two different classes; class 2 is 'star'"]),
        ("broken", [], ["The split train of shapes must have a finite number for every image; got "
                        "nan (data.target in"]),
        ("label", ["data.name=unlabeled", "data.validation=9"],
         ["The split train of unlabeled must have a class from 0 to 2 for every image; got -1"]),
        ("parity", ["data.name=numbers"],
         ["The target parity needs classes; the label of numbers is a number", "Write value"]),
        ("{is: 3}", ["data.name=numbers"], ["The target {is: 3} needs classes; the label of"]),
        ("single", [], ["Every class of shapes must have at least 2 training images", "got 1 of "
                        "class 1"]),
        ("rare", ["data.validation=9"],
         ["The validation set must have images of every class; got none of 'rare' among 9 "
          "(data.validation in the override", "Choose a larger data.validation"]),
    ],
)  # fmt: skip
def test_bad_targets_are_explained(
    small_sets: Path, tmp_path: Path, target: str, overrides: list[str], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        of_set(small_sets, tmp_path, target, *overrides)
    for word in words:
        assert word in str(caught.value)
    assert not list((tmp_path / "runs").rglob("*.npy"))


@pytest.mark.tensorflow
def test_class_without_any_image_is_allowed(small_sets: Path, tmp_path: Path) -> None:
    """As 0 in emnist/letters; but not if it is one of two."""
    data = of_set(small_sets, tmp_path, "rare")
    assert data.class_names == ("common", "rare", "never")
    assert sorted(np.unique(data.validation.labels)) == [0, 1]
