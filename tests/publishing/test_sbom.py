"""The software bill of materials of a version."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pipeline.publishing.published_folder import find_published
from pipeline.publishing.sbom import SBOM_FILE, sbom

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def bill(smoke: Path) -> Any:
    return json.loads((smoke / "exported" / "smoke" / "1" / SBOM_FILE).read_text())


def test_bill_is_valid_cyclonedx(bill: Any) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert "timestamp" not in bill["metadata"]


def test_bill_has_the_files_of_the_model(bill: Any, smoke: Path) -> None:
    published = find_published(smoke / "exported" / "smoke")
    model = bill["metadata"]["component"]
    assert (model["name"], model["version"]) == ("smoke", "1")
    listed = {file["name"]: file["hashes"][0]["content"] for file in model["components"]}
    assert {"model.onnx", "model.keras", "saved_model.pb"} <= listed.keys()
    assert all(published.manifest.files[name].sha256 == digest for name, digest in listed.items())
    assert SBOM_FILE in published.manifest.files


def test_bill_has_the_installed_packages_and_what_they_require(bill: Any) -> None:
    versions = {one["name"]: one["version"] for one in bill["components"]}
    for name in ("dense-pipeline", "keras", "numpy", "onnxruntime", "h5py"):
        assert versions[name] == version(name)
    required = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    [project] = required["model"]
    assert project == f"pkg:pypi/dense-pipeline@{version('dense-pipeline')}"
    assert f"pkg:pypi/keras@{version('keras')}" in required[project]
    assert f"pkg:pypi/numpy@{version('numpy')}" in required[f"pkg:pypi/keras@{version('keras')}"]
    refs = {one["bom-ref"] for one in bill["components"]} | {"model"}
    assert required.keys() == refs


def test_same_model_has_the_same_bill() -> None:
    files = {"model.onnx": "a" * 64, "model.keras": "b" * 64}
    first = sbom("mlp", 1, files, "MIT")
    assert first == sbom("mlp", 1, dict(reversed(files.items())), "MIT")
    assert json.loads(first)["serialNumber"] != json.loads(
        sbom("mlp", 1, {**files, "model.onnx": "c" * 64}, "MIT")
    )["serialNumber"]  # fmt: skip
    assert json.loads(first)["metadata"]["component"]["licenses"] == [{"expression": "MIT"}]
