"""Sets of TensorFlow Datasets with ``data.size`` and ``data.channels``, and own prepared ones."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.data_set import read_data
from pipeline.artifacts.stage_facts import Resizing
from pipeline.config import read
from pipeline.data.sample import read_sample
from pipeline.engine.runner import StageResult
from pipeline.engine.workspace import Workspace
from pipeline.errors import ConfigError
from pipeline.imaging.resizing import resized_arrays
from pipeline.progress import Silent
from pipeline.stages import run_stages
from tests.support.paths import SMOKE
from tests.support.small_sets import prepare_small_set

CLASSES = ("circle", "square", "star")


@pytest.fixture(scope="module")
def own_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared sets that are not in the registry of TensorFlow Datasets."""
    tfds = pytest.importorskip("tensorflow_datasets")
    root = tmp_path_factory.mktemp("own") / "tfds"
    features = {"label": tfds.features.ClassLabel(names=CLASSES)}
    for name, ragged in (("own_shapes", False), ("own_photos", True)):
        prepare_small_set(
            root, name, features, lambda i: {"label": i % 3}, train=90, test=30, ragged=ragged
        )
    return root


def stage(workspace: Path, *overrides: str) -> StageResult:
    given = [f"data.tfds_dir={workspace / 'tfds'}", *overrides]
    config = read(SMOKE, given)
    [result] = run_stages(config, Workspace(workspace), Silent(), until="data")
    return result


def of_own(root: Path, workspace: Path, name: str, *overrides: str) -> StageResult:
    given = [f"data.tfds_dir={root}", f"data.name={name}", "data.validation=30"]
    return stage(workspace, *given, *overrides)


@pytest.mark.tensorflow
def test_own_prepared_set_is_read(own_sets: Path, tmp_path: Path) -> None:
    result = of_own(own_sets, tmp_path, "own_shapes")
    data, facts = read_data(result.output.path), result.output.facts
    assert data.class_names == CLASSES
    assert [len(data.train), len(data.validation), len(data.test)] == [60, 30, 30]
    np.testing.assert_array_equal(data.test.labels, data.test.images[:, 0, 0, 0] % 3)
    assert facts.preprocessing == Resizing("resize", (8, 6), 1, "fit")


@pytest.mark.tensorflow
def test_null_sets_a_fifth_aside(own_sets: Path, tmp_path: Path) -> None:
    facts = of_own(own_sets, tmp_path, "own_shapes", "data.validation=null").output.facts
    assert (facts.train, facts.validation) == (72, 18)


@pytest.mark.tensorflow
@pytest.mark.parametrize("channels", [1, 3])
def test_images_that_differ_in_size_are_resized(
    own_sets: Path, tmp_path: Path, channels: int
) -> None:
    given = ("data.size=[5, 6]", "data.fit=crop", f"data.channels={channels}")
    data = read_data(of_own(own_sets, tmp_path, "own_photos", *given).output.path)
    assert data.image_shape == (5, 6, channels)
    assert sorted(data.test.images[:, 0, 0, 0].tolist()) == list(range(30))
    np.testing.assert_array_equal(data.test.labels, data.test.images[:, 0, 0, 0] % 3)


@pytest.mark.tensorflow
def test_images_that_differ_in_size_need_a_size(own_sets: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"own_photos differ in size \(data.size in .*\[64, 64\]"):
        of_own(own_sets, tmp_path, "own_photos")


@pytest.mark.tensorflow
def test_unknown_set_can_be_prepared_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        stage(tmp_path, "data.name=no_such_set_anywhere")
    for words in ("Unknown data set 'no_such_set_anywhere'", "prepare your own set below",
                  "or write folder for pictures in class folders"):  # fmt: skip
        assert words in str(caught.value)


def test_sample_is_resized(tmp_path: Path) -> None:
    given = ("data.size=14", "data.channels=3", "data.offline=sample", "data.mirrors=[]")
    result = stage(tmp_path, *given)
    data = read_data(result.output.path)
    assert data.image_shape == (14, 14, 3)
    expected = resized_arrays(read_sample()[0], (14, 14, 3), "fit")
    first = {image.tobytes() for image in data.test.images}
    assert first <= {image.tobytes() for image in expected}
    assert result.output.facts.preprocessing == Resizing("resize", (14, 14), 3, "fit")


def test_mnist_itself_is_more_than_a_size(tmp_path: Path) -> None:
    assert stage(tmp_path).output.facts.preprocessing is None
