"""A version published before the package was split into subpackages still works."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest

from pipeline import list_models, load_model
from pipeline.artifacts.data_set import Split
from pipeline.artifacts.formats import artifact_path
from pipeline.data.sample import read_sample
from pipeline.engine.fingerprints import package_versions
from pipeline.export.stage import export
from pipeline.export.trained_model import TrainedModel
from pipeline.publishing.published_folder import read_version
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from tests.support.command_line import command
from tests.support.servers import serving

pytestmark = pytest.mark.tensorflow

OLDER = Path(__file__).parent / "older"  # published by commit a14a445
# The SHA-256 of model.onnx, exported from its weights.
EXPORTED = "37122ccabb9fbbcf4d1455342bcf6ba652243522d0fe1f5079a42f51f47024b1"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    shutil.copytree(OLDER, tmp_path / "exported")
    return tmp_path


@pytest.fixture(scope="module")
def digits() -> Split:
    images, labels = read_sample()
    return Split(images[::500], labels[::500])


def test_older_version_is_listed_with_all_facts(workspace: Path) -> None:
    [model], broken = list_models(workspace=workspace)
    assert broken == []
    assert (model.name, model.version, model.labels) == ("before", 1, ("stable",))
    assert model.formats == ["onnx", "keras"]
    assert model.manifest.metrics["test"].scores["accuracy"] == 0.877
    assert model.manifest.verification[0].passed


def test_older_manifest_is_written_as_it_was_read(workspace: Path) -> None:
    """No key of a manifest was lost, added or renamed."""
    version = workspace / "exported" / "before" / "1"
    before = json.loads((version / "manifest.json").read_text())
    assert read_version(version).manifest.model_dump(mode="json", exclude_unset=True) == before


def test_copies_of_older_versions_are_read(workspace: Path) -> None:
    """Their score was always the accuracy."""
    path = workspace / "exported" / "before" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["copies"] = [
        {"format": "onnx_int8", "artifact": "model.int8.onnx", "accuracy": 0.98,
         "accuracy_drop": 0.05, "bytes": 10, "original_bytes": 30, "reason": None},
    ]  # fmt: skip
    path.write_text(json.dumps(manifest))
    [copy] = read_version(path.parent).manifest.copies
    assert (copy.score_name, copy.score) == ("accuracy", 0.98)
    assert copy.change == "0.05 points lower"
    assert read_version(path.parent).manifest.verification[0].score_name == "accuracy"


@pytest.mark.parametrize(
    ("change", "is_listed"),
    [
        (lambda manifest: manifest["verification"][0].update(cost={"load_seconds": 1}), True),
        (lambda manifest: manifest["verification"][0].pop("artifact"), True),
        (lambda manifest: manifest["copies"].append({"new": 1}), True),
        (lambda manifest: manifest["metrics"]["test"]["classes"][0].update(more=1), True),
        (lambda manifest: manifest["metrics"]["test"].update(note="text", roc=None), True),
        (lambda manifest: manifest["metrics"]["test"].update(images=float("inf")), False),
        (lambda manifest: manifest["metrics"].pop("test"), False),
    ],
)
def test_informational_fields_may_differ(
    workspace: Path, change: Callable[[dict[str, Any]], object], is_listed: bool
) -> None:
    path = workspace / "exported" / "before" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    models, broken = list_models(workspace=workspace)
    assert (len(models), len(broken)) == ((1, 0) if is_listed else (0, 1))


def test_older_version_predicts(workspace: Path, digits: Split) -> None:
    model = load_model(workspace / "exported" / "before")
    assert model.class_names == tuple("0123456789")
    labels = model.predict(digits.images).argmax(axis=1)
    assert np.mean(labels == digits.labels) >= 0.8


def test_older_version_is_verified(workspace: Path) -> None:
    done = command("verify", workspace / "exported" / "before", "--workspace", workspace,
                   "--runtime", "onnxruntime", "--json")  # fmt: skip
    assert done.code == 0, done.err
    [check] = json.loads(done.out)["checks"]
    assert (check["artifact"], check["passed"]) == ("model.onnx", True)


def test_older_version_is_served(workspace: Path, digits: Split, tmp_path: Path) -> None:
    expected = load_model(workspace / "exported" / "before").predict(digits.images)
    with serving(workspace, log=tmp_path / "log") as server:
        response = server.predict({"instances": digits.images.tolist()}, "before")
    np.testing.assert_allclose(response.json()["predictions"], expected, rtol=0, atol=1e-6)


def test_same_weights_are_exported_to_the_same_bytes(workspace: Path, tmp_path: Path) -> None:
    published = read_version(workspace / "exported" / "before" / "1")
    needed = ("keras", "onnx", "tensorflow", "tf2onnx")
    used = {name: published.manifest.versions[name] for name in needed}
    if package_versions(needed) != used:
        pytest.skip(f"it was exported with other versions of the converters: {used}")
    file = artifact_path(published.path, "onnx")
    trained = TrainedModel(
        model=keras.models.load_model(artifact_path(published.path, "keras"), compile=False),
        contract=published.manifest.contract,
        metadata={
            prop.key: prop.value
            for prop in onnx.load(file).metadata_props
            if prop.key != "precision"
        },
        calibration=np.zeros((0, 28, 28, 1), np.uint8),
    )
    export(trained, "onnx", tmp_path)
    exported = artifact_path(tmp_path, "onnx")
    assert hashlib.sha256(exported.read_bytes()).hexdigest() == EXPORTED
    # The older file has another opset, no names, and a sum with 0; it computes the same.
    images = np.arange(5 * 784, dtype=np.uint32).astype(np.uint8).reshape(5, 28, 28, 1)
    older, new = (OnnxRuntimePredictor(path).predict(images) for path in (file, exported))
    np.testing.assert_array_equal(older, new)
