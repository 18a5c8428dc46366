"""Runs with averages over shifts and of a committee: trained, measured, published and used."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import pipeline
from pipeline.artifacts.data_set import DataSet, read_data
from pipeline.artifacts.files import describe_files
from pipeline.artifacts.history import read_history
from pipeline.config.schema import Model
from pipeline.errors import ModelError
from pipeline.models.averaging import averaged
from pipeline.models.dense import build_model
from pipeline.publishing.doubts import open_doubts
from pipeline.publishing.published_folder import PublishedModel, find_published
from pipeline.serving.explainer import Explainer
from pipeline.tasks.registry import task_named
from tests.support.average_reference import mean_output

pytestmark = pytest.mark.tensorflow

SETTINGS: dict[str, Any] = {
    "name": "averaged",
    "model": {"hidden": [24], "input": "standardized", "average": "shifts"},
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


@pytest.fixture(scope="module")
def committee(workspace: Path) -> PublishedModel:
    """Two networks, averaged over shifts too; the first is that of the other version."""
    model = {**SETTINGS["model"], "members": 2}
    (workspace / "committee.yaml").write_text(
        json.dumps({**SETTINGS, "name": "committee", "model": model})
    )
    pipeline.run(workspace / "committee.yaml", workspace=workspace)
    return find_published(workspace / "exported" / "committee")


def member(committee: PublishedModel, number: int) -> keras.Model:
    """One network of the committee, with the weights of the published file."""
    whole = keras.models.load_model(committee.path / "model.keras")
    model = build_model(
        Model(hidden=(24,)), image_shape=(28, 28, 1), num_classes=10, task=task_named("multiclass")
    )
    for name in ("hidden_1", "logits"):
        model.get_layer(name).set_weights(whole.get_layer(f"member_{number}_{name}").get_weights())
    return model


def test_file_returns_the_mean_of_the_committee(
    committee: PublishedModel, plain: keras.Model, data: DataSet
) -> None:
    images = np.asarray(data.test.images[:30])
    members = [member(committee, 1), member(committee, 2)]
    assert all(map(np.array_equal, members[0].get_weights(), plain.get_weights()))
    expected = mean_output(members, images, "softmax", shifts=True)
    got = pipeline.load_model(committee.path).predict(images)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_scores_of_members_are_those_of_the_networks_alone(
    committee: PublishedModel, published: PublishedModel, data: DataSet
) -> None:
    first, second = committee.manifest.members
    for split, score in (("validation", first.validation), ("test", first.test)):
        assert score == published.manifest.metrics[split].scores["accuracy"]
    images, labels = np.asarray(data.test.images), data.test.labels
    alone = averaged([member(committee, 2)], over_shifts=True)(images).numpy()
    assert second.test == pytest.approx(np.mean(alone.argmax(axis=1) == labels), abs=0.0011)
    assert {first.name, second.name} == {"accuracy"}
    assert published.manifest.members == ()


def test_version_has_the_scores_of_its_members(committee: PublishedModel) -> None:
    first, second = committee.manifest.members
    card = (committee.path / "README.md").read_text()
    assert first.validation is not None
    assert (
        "The model returns the mean of the outputs of its 2 networks for the image and for the "
        "image moved by one pixel up, down, left and right."
    ) in card
    assert f"| 1 | {100 * first.validation:.2f} % | {100 * first.test:.2f} % |" in card
    report = (committee.path / "report.html").read_text()
    assert "The model returns the mean of the outputs of 2 networks." in report
    for number, score in enumerate((first.test, second.test)):
        place = f'data-fact="evaluate/facts/members/{number}/test" data-format=".2%">'
        assert f"{place}{100 * score:.2f}\u202f%<" in report
    assert committee.manifest.parameters == 2 * (784 * 24 + 24 + 24 * 10 + 10)


def test_committee_has_doubts(committee: PublishedModel, data: DataSet) -> None:
    familiarity = open_doubts(committee).familiarity
    assert familiarity is not None
    assert 0 < np.mean(familiarity.is_unlike(np.asarray(data.validation.images))) < 0.03


def test_version_is_verified_again(workspace: Path) -> None:
    checks = pipeline.verify("averaged", workspace=workspace, runtimes=["onnxruntime"])
    assert [check.failures for check in checks if check.ran] == [()]
    assert all(check.weights_equal for check in checks if check.ran)
