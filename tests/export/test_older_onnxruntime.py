"""Every exported ONNX file in onnxruntime 1.16, which is of 2023, beside today's."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.artifacts.formats import FORMATS as EXPORTED
from pipeline.artifacts.formats import artifact_path
from pipeline.config.opsets import HIGHEST
from pipeline.export.trained_model import TrainedModel
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.tasks.registry import task_named
from pipeline.verification.exact import exact_predictions
from pipeline.verification.reading_back import trained_network
from pipeline.verification.tolerances import TOLERANCES
from tests.support.onnx_files import FORMATS, new_network, write_all
from tests.support.paths import PROJECT

PYTHON = PROJECT / ".venv-older-onnxruntime" / "bin" / "python"
SCRIPT = PROJECT / "tests" / "clients" / "older_onnxruntime.py"
NEEDS_PYTHON = pytest.mark.skipif(
    not PYTHON.exists(),
    reason="`make test` creates .venv-older-onnxruntime where there is Python 3.11",
)
pytestmark = [pytest.mark.tensorflow, pytest.mark.process, NEEDS_PYTHON]
TASKS = {"binary": ("binary", "tanh"), "regression": ("regression", "linear")}
NETWORKS: dict[str, Callable[[Split], TrainedModel]] = {
    "smoke": lambda digits: new_network(digits, hidden=(32,)),
    "newest_opset": lambda digits: replace(new_network(digits, hidden=(32,)), opset=HIGHEST),
    "deep": lambda digits: new_network(digits, hidden=(24, 16, 12), activation="silu"),
    "softmax": lambda digits: new_network(digits, activation="softmax"),
    "binary": lambda digits: new_network(digits, *TASKS["binary"], activation="leaky_relu"),
    "regression": lambda digits: new_network(digits, *TASKS["regression"], activation="softplus"),
}
NUM_IMAGES = 100


@pytest.fixture(scope="module")
def predicted(digits: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of each network; beside each ONNX file, what the older onnxruntime predicts."""
    folder = tmp_path_factory.mktemp("networks")
    np.save(folder / "images.npy", digits.images[:NUM_IMAGES])
    for name, network in NETWORKS.items():
        write_all(network(digits), folder / name, (*FORMATS, "keras"))
    done = subprocess.run([PYTHON, SCRIPT, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    version, *files = done.stdout.splitlines()
    assert version.startswith("1.16.")
    assert len(files) == len(NETWORKS) * len(FORMATS)
    return folder


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_are_as_exact_as_those_of_today(predicted: Path, name: str) -> None:
    folder, images = predicted / name, np.load(predicted / "images.npy")
    task = task_named(*TASKS.get(name, ("multiclass",)))
    network = trained_network(folder / "model.keras")
    assert network is not None
    exact = exact_predictions(network, images, task)
    for each in FORMATS:
        path = artifact_path(folder, each)
        found, today = np.load(path.with_suffix(".npy")), OnnxRuntimePredictor(path).predict(images)
        assert found.dtype == today.dtype == np.float32
        if each == "onnx":
            assert np.all(np.abs(found - exact.probabilities) <= exact.allowed)
        allowed = task.tolerance(TOLERANCES[EXPORTED[each].precision], exact.probabilities)
        np.testing.assert_allclose(found, today, rtol=0, atol=allowed)
        np.testing.assert_allclose(found, exact.probabilities, rtol=0, atol=allowed)
