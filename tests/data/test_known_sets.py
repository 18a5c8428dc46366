"""Sets of TensorFlow Datasets other than MNIST, with the configurations for them.

Their hosts cannot be reached here: small sets are prepared with the features of the real ones.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipeline
from pipeline.config import read
from pipeline.data import tfds
from pipeline.data.known_sets import known_set
from pipeline.publishing.published_folder import find_published
from tests.support.command_line import in_process
from tests.support.paths import PROJECT
from tests.support.small_sets import prepare_small_known_set

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

TRAIN, TEST = 300, 60


@dataclass(frozen=True)
class Expected:
    """A configuration, and what its data set must become; ``raw`` are the labels in the files."""

    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    raw: range


LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
CASES = {
    "fashion_mnist": Expected(
        (28, 28, 1),
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
         "Bag", "Ankle boot"),
        range(10),
    ),
    "kmnist": Expected(
        (28, 28, 1), ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"), range(10)
    ),
    "emnist_letters": Expected((28, 28, 1), LETTERS, range(1, 27)),
    "cifar10": Expected(
        (32, 32, 3),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        range(10),
    ),
}  # fmt: skip


def _image(expected: Expected, number: int) -> np.ndarray:
    """Return an image whose top row is white, and whose other rows show the number of the class."""
    image = np.zeros(expected.shape, np.uint8)
    image[0], image[2 + number] = 255, 255
    return image


def _prepare(root: Path, name: str, expected: Expected) -> None:
    data_set = read(Path(f"configs/{name}.yaml")).data.name
    is_transposed = data_set.startswith("emnist/")

    def row(index: int) -> dict[str, Any]:
        number = index % len(expected.raw)
        image = _image(expected, number)
        identity = {"id": str(index)} if data_set == "cifar10" else {}
        upright = image.swapaxes(0, 1) if is_transposed else image
        return {**identity, "image": upright, "label": expected.raw[number]}

    prepare_small_known_set(root, data_set, row, train=TRAIN, test=TEST)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a model of each set, by its own configuration, trained briefly."""
    place = tmp_path_factory.mktemp("known")
    for name, expected in CASES.items():
        _prepare(place / "tfds", name, expected)
        pipeline.run(
            PROJECT / "configs" / f"{name}.yaml",
            [f"data.tfds_dir={place / 'tfds'}", "data.validation=60", "model.hidden=[64]",
             "optimizer={name: adam, learning_rate: 0.01}", "train.epochs=8", "train.batch_size=20",
             "export.formats=[onnx]", "verify.runtimes=[onnxruntime]"],
            workspace=place,
        )  # fmt: skip
    return place


@pytest.mark.parametrize("name", CASES)
def test_data_is_upright_and_labels_count_from_0(workspace: Path, name: str) -> None:
    expected, config = CASES[name], read(PROJECT / "configs" / f"{name}.yaml")
    root = workspace / "tfds"
    shape, classes = tfds.describe(config.data.name, "label", root)
    assert (shape, classes) == (expected.shape, expected.class_names)
    [(images, labels)] = tfds.read(config.data.name, root, "test")
    assert set(labels) == set(range(len(classes)))
    for image, label in zip(images, labels, strict=True):
        np.testing.assert_array_equal(image, _image(expected, int(label)))


@pytest.mark.parametrize("name", CASES)
def test_classes_are_named_wherever_they_appear(workspace: Path, name: str) -> None:
    expected = CASES[name]
    model = find_published(workspace / "exported" / name)
    metrics = model.manifest.metrics["test"]
    assert model.class_names == expected.class_names
    assert tuple(row.name for row in metrics.classes) == expected.class_names
    card = (model.path / "README.md").read_text()
    assert all(f"| {class_name} | " in card for class_name in expected.class_names)
    assert metrics.scores["accuracy"] >= 0.9  # the images of a class are all the same


@pytest.mark.parametrize("name", CASES)
def test_upright_picture_is_recognized(workspace: Path, tmp_path: Path, name: str) -> None:
    """Pictures need not be transposed: training has seen upright ones."""
    from PIL import Image

    expected = CASES[name]
    number = len(expected.class_names) - 1
    pixels = _image(expected, number)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(tmp_path / "x.png")
    done = in_process(
        "predict", workspace / "exported" / name, tmp_path / "x.png", "--json", "-C", workspace
    )
    assert done.code == 0, done.err
    [prediction] = json.loads(done.out)
    assert prediction["label"] == expected.class_names[number]


@pytest.mark.parametrize(
    ("name", "num_classes"),
    [("emnist/byclass", 62), ("emnist", 62), ("emnist/bymerge", 47), ("emnist/balanced:3.1.0", 47),
     ("emnist/digits", 10), ("emnist/mnist", 10)],
)  # fmt: skip
def test_variants_of_emnist_have_as_many_names_as_classes(name: str, num_classes: int) -> None:
    known = known_set(name)
    assert known is not None
    assert len(set(known.class_names)) == num_classes
    features = tfds.image_builder(name).info.features
    assert features["label"].num_classes == num_classes


def test_first_variant_of_emnist_is_the_default() -> None:
    assert tfds.image_builder("emnist").builder_config.name == "byclass"
