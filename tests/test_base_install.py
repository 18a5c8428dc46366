"""The base install, without the extra ``train``, predicts and reports missing packages."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pipeline import predict
from pipeline.terminal.documents import predictions_document
from tests.support.command_line import Done, assert_error
from tests.support.paths import PROJECT, SMOKE
from tests.support.picture_folders import write_classes

PYTHON = PROJECT / ".venv-base" / "bin" / "python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="`make test` creates .venv-base")


def base(*arguments: object) -> Done:
    done = subprocess.run(
        [PYTHON, "-m", "pipeline", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.process
def test_no_heavy_packages_are_installed() -> None:
    code = (
        "from importlib.util import find_spec\n"
        "print([m for m in ('tensorflow', 'keras', 'sklearn', 'pandas', 'onnx') if find_spec(m)])"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_base_install_predicts_the_same(smoke: Path, tmp_path: Path) -> None:
    [data] = (smoke / "runs" / "data").iterdir()
    np.save(tmp_path / "digits.npy", np.load(data / "test_images.npy")[:50])
    model = smoke / "exported" / "smoke"
    predictions = json.loads(base("predict", model, tmp_path / "digits.npy", "--json").out)
    expected = predictions_document(predict(model, [tmp_path / "digits.npy"]))
    assert predictions == expected


@pytest.mark.process
def test_training_names_the_missing_extra(tmp_path: Path) -> None:
    done = base("run", SMOKE, "--workspace", tmp_path)
    assert_error(done, 3, "not installed", "pip install 'dense-pipeline[train]'")
    assert not list(tmp_path.glob("runs/*/"))


@pytest.mark.process
def test_predicting_into_parquet_names_the_missing_extra(tmp_path: Path) -> None:
    done = base("predict", "mlp", "--input", tmp_path, "--output", tmp_path / "out.parquet")
    words = ("Predicting into a Parquet file requires packages", "dense-pipeline[studies]")
    assert_error(done, 3, *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.process
def test_splitting_data_names_the_missing_extra(tmp_path: Path) -> None:
    pictures = write_classes(tmp_path / "pictures", 20)
    (tmp_path / "own.yaml").write_text(
        f"name: own\ntask: multiclass\ndata: {{name: folder, path: {pictures}}}\n"
        "model: {hidden: [8]}\ntrain: {augment: {rotation: 5}}\n"
    )
    for arguments in (("run", "--until", "data"), ("config", "--show-augment", tmp_path / "a.png")):
        command, *options = arguments
        done = base(command, tmp_path / "own.yaml", *options, "-C", tmp_path)
        assert_error(done, 3, "missing: sklearn", "pip install 'dense-pipeline[train]'")


@pytest.mark.process
def test_config_and_doctor_work_without_keras(tmp_path: Path) -> None:
    done = base("config", SMOKE)
    assert done.code == 0
    assert "batch_size: 64" in done.out
    assert "Keras names and arguments were not checked" in done.err
    findings = {f["subject"]: f for f in json.loads(base("doctor", "-C", tmp_path, "--json").out)}
    assert findings["runtime onnxruntime"]["fine"]
    assert findings["tensorflow"]["advice"].startswith(
        "To train and export: pip install 'dense-pipeline[train]'"
    )


def test_checks_that_cannot_run_are_not_passed(smoke: Path) -> None:
    done = base("verify", smoke / "exported" / "smoke", "--workspace", smoke, "--json")
    assert done.code == 0, done.err
    ran = {
        (c["artifact"], c["runtime"]): (c["ran"], c["passed"])
        for c in json.loads(done.out)["checks"]
    }
    assert ran["model.onnx", "onnxruntime"] == (True, True)
    assert ran["model.keras", "keras"] == (False, False)
    advice = {c["runtime"]: c["advice"] for c in json.loads(done.out)["checks"]}
    assert advice["openvino"] == "pip install 'dense-pipeline[runtimes]' (in a clone: make install)"
    assert advice["keras"] == "pip install 'dense-pipeline[train]' (in a clone: make install)"
    assert advice["onnxruntime"] == ""
    assert ran["saved_model.pb", "tensorflow"] == (False, False)
