"""A run with ``model.average: shifts``: trained, measured, published and used as an average."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import pipeline
from pipeline.artifacts.data_set import DataSet, read_data
from pipeline.artifacts.files import describe_files
from pipeline.artifacts.history import read_history
from pipeline.config.schema import Model
from pipeline.errors import ModelError
from pipeline.models.dense import build_model
from pipeline.publishing.doubts import open_doubts
from pipeline.publishing.published_folder import PublishedModel, find_published
from pipeline.serving.explainer import Explainer
from pipeline.tasks.registry import task_named
from tests.support.average_reference import mean_output

pytestmark = pytest.mark.tensorflow

SETTINGS = {
    "name": "averaged",
    "model": {"hidden": [24], "average": "shifts"},
    "optimizer": {"name": "adam", "learning_rate": 0.005},
    "train": {"epochs": 2, "batch_size": 64},
    "export": {"formats": ["onnx", "keras"]},
    "verify": {"runtimes": ["onnxruntime", "keras"]},
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("averaged")
    (folder / "averaged.yaml").write_text(json.dumps(SETTINGS))
    pipeline.run(folder / "averaged.yaml", workspace=folder)
    return folder


@pytest.fixture(scope="module")
def published(workspace: Path) -> PublishedModel:
    return find_published(workspace / "exported" / "averaged")


@pytest.fixture(scope="module")
def data(workspace: Path) -> DataSet:
    [folder] = (workspace / "runs" / "data").iterdir()
    return read_data(folder)


@pytest.fixture(scope="module")
def plain(published: PublishedModel) -> keras.Model:
    """The network alone, with the weights of the published file."""
    config = Model(hidden=(24,))
    task = task_named("multiclass")
    model = build_model(config, image_shape=(28, 28, 1), num_classes=10, task=task)
    model.set_weights(keras.models.load_model(published.path / "model.keras").get_weights())
    return model


def test_file_returns_the_average_of_the_trained_network(
    published: PublishedModel, plain: keras.Model, data: DataSet
) -> None:
    images = np.asarray(data.test.images[:50])
    expected = mean_output([plain], images, "softmax", shifts=True)
    got = pipeline.load_model(published.path).predict(images)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_accuracy_is_that_of_the_average_and_the_loss_of_epochs_that_of_the_network(
    workspace: Path, published: PublishedModel, plain: keras.Model, data: DataSet
) -> None:
    images, labels = np.asarray(data.validation.images), data.validation.labels
    averages = pipeline.load_model(published.path).predict(images)
    alone = plain(images).numpy()
    found = published.manifest.metrics["validation"]
    assert found.scores["accuracy"] == np.mean(averages.argmax(axis=1) == labels)
    rows = np.arange(len(labels))
    assert found.loss == pytest.approx(-np.log(averages[rows, labels]).mean(), rel=1e-4)
    [train] = (workspace / "runs" / "train").iterdir()
    of_network = -np.log(alone[rows, labels]).mean()
    assert read_history(train)[-1]["val_loss"] == pytest.approx(of_network, rel=1e-4)
    assert abs(of_network / found.loss - 1) > 0.001  # the two can be told apart


def test_version_says_that_it_averages(published: PublishedModel) -> None:
    assert published.manifest.config["model"]["average"] == "shifts"
    assert published.manifest.parameters == 784 * 24 + 24 + 24 * 10 + 10
    assert (
        "The model returns the mean of the outputs of its network for the image and for the image "
        "moved by one pixel up, down, left and right."
    ) in (published.path / "README.md").read_text()
    assert "shifts" in (published.path / "report.html").read_text()


def test_doubts_measure_the_image_itself(published: PublishedModel, data: DataSet) -> None:
    familiarity = open_doubts(published).familiarity
    assert familiarity is not None
    images = np.asarray(data.validation.images)
    assert 0 < np.mean(familiarity.is_unlike(images)) < 0.03  # 1 percent by definition


def test_evidence_of_pixels_is_refused(published: PublishedModel, data: DataSet) -> None:
    path = published.path / "model.onnx"
    explainer = Explainer(path, describe_files(path.parent)[path.name])
    with pytest.raises(ModelError, match=r"^it has other layers, or averages several outputs$"):
        explainer.explain(np.asarray(data.test.images[0]))


def test_version_is_verified_again(workspace: Path) -> None:
    checks = pipeline.verify("averaged", workspace=workspace, runtimes=["onnxruntime"])
    assert [check.failures for check in checks if check.ran] == [()]
    assert all(check.weights_equal for check in checks if check.ran)
