"""Tasks: adding one takes one file and one line, since no other code names a task."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import RequestError
from pipeline.tasks.registry import all_tasks, module_of, output_names, task_named
from tests.support.files import copy_package
from tests.support.paths import PROJECT, SMOKE

MULTICLASS = task_named("multiclass")

# It differs from multiclass in the names of its output, score and training metric.
OTHER = '''
"""A task that a user adds."""

from dataclasses import replace

import keras

from pipeline.artifacts.model_contract import TensorSpec
from pipeline.tasks.multiclass import Multiclass
from pipeline.tasks.task import Score


class Other(Multiclass):
    name = "other"
    quality = Score("agreement")
    training_metrics = (replace(Multiclass.training_metrics[0], name="agreement"),)

    def output(self, num_classes):
        return TensorSpec("likelihoods", "float32", (None, num_classes))

    def output_layers(self):
        return [keras.layers.Softmax(name="likelihoods")]

    def evaluate(self, predictions, labels, class_names):
        found = super().evaluate(predictions, labels, class_names)
        return replace(found, scores={"agreement": found.scores["accuracy"]})


TASK = Other
'''


@pytest.mark.process
def test_new_task_takes_one_file_and_one_line(tmp_path: Path) -> None:
    package = copy_package(tmp_path / "code" / "pipeline")
    (package / "tasks" / "other.py").write_text(OTHER)
    schema = package / "config" / "schema.py"
    line = 'TaskName = Literal["multiclass", "binary", "regression"]'
    assert line in schema.read_text()
    schema.write_text(schema.read_text().replace(line, 'TaskName = Literal["multiclass", "other"]'))
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "run", SMOKE, "task=other", "train.epochs=2",
         "export.formats=[onnx,keras]", "verify.runtimes=[onnxruntime,keras,openvino]",
         "-C", tmp_path, "--json"],
        capture_output=True, text=True, check=False, cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "code"), "PYTHONSAFEPATH": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["metrics"]["test"]["agreement"] > 0.7
    assert all(check["passed"] for check in document["verification"])
    manifest = json.loads((tmp_path / document["published"]["path"] / "manifest.json").read_text())
    assert manifest["task"] == "other"
    assert manifest["metrics"]["test"]["agreement"] == document["metrics"]["test"]["agreement"]
    listed = subprocess.run(
        [sys.executable, "-m", "pipeline", "models", "-C", tmp_path],
        capture_output=True, text=True, check=True, cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "code"), "PYTHONSAFEPATH": "1"},
    )  # fmt: skip
    assert "agreement 0." in listed.stdout
    assert manifest["contract"]["outputs"][0]["name"] == "likelihoods"


def test_unknown_task_is_explained() -> None:
    with pytest.raises(
        RequestError, match=r"Unknown task 'other'\. Choose from binary, multiclass, regression"
    ):
        task_named("other")


def test_tasks_are_found_by_their_modules() -> None:
    assert list(all_tasks()) == ["binary", "multiclass", "regression"]
    assert all(module_of(name).endswith(f".{name}") for name in all_tasks())
    assert output_names() == {"probabilities", "probability", "value"}


def test_ties_within_the_tolerance_agree() -> None:
    expected = np.array([[0.5, 0.5 - 1e-7], [0.9, 0.1], [0.2, 0.8]], np.float32)
    got = expected[:, ::-1].copy()
    assert MULTICLASS.disagreements(got, expected, 1e-5) == 2
    assert MULTICLASS.agreement(got, expected) == 0
    assert MULTICLASS.score(expected, np.array([0, 0, 0])) == pytest.approx(2 / 3)


def test_prediction_is_shown_with_class_names_or_numbers() -> None:
    prediction = np.array([0.25, 0.75], np.float32)
    shown = MULTICLASS.describe(prediction, ("cat", "dog"))
    assert (shown.label, shown.probability) == ("dog", np.float32(0.75))
    assert shown.probabilities == {"cat": 0.25, "dog": 0.75}
    assert MULTICLASS.describe(prediction, ()).label == "1"
