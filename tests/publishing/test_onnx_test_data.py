"""``test_data_set_0`` as tools read it that check models of the ONNX Model Zoo."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from pipeline.publishing.golden import read_golden
from pipeline.publishing.published_folder import read_version
from tests.support.single_output import OUTPUTS

RTOL, ATOL = 1e-3, 1e-7  # those of onnx.backend.test.runner
pytestmark = pytest.mark.tensorflow


@pytest.fixture(params=["smoke", *OUTPUTS])
def version(request: pytest.FixtureRequest, smoke: Path, single_output: Path) -> Path:
    workspace = smoke if request.param == "smoke" else single_output
    folder: Path = workspace / "exported" / request.param / "1"
    return folder


def _read(version: Path, name: str) -> onnx.TensorProto:
    tensor = onnx.TensorProto()
    tensor.ParseFromString((version / "test_data_set_0" / name).read_bytes())
    return tensor


def test_files_have_the_golden_images_and_predictions(version: Path) -> None:
    golden, contract = read_golden(version / "golden.npz"), read_version(version).manifest.contract
    given, expected = _read(version, "input_0.pb"), _read(version, "output_0.pb")
    assert (given.name, expected.name) == (contract.inputs[0].name, contract.outputs[0].name)
    np.testing.assert_array_equal(numpy_helper.to_array(given), golden.images)
    np.testing.assert_array_equal(numpy_helper.to_array(expected), golden.probabilities)
    assert {"test_data_set_0/input_0.pb", "test_data_set_0/output_0.pb"} <= set(
        read_version(version).manifest.files
    )


def test_output_is_that_of_onnxruntime_and_of_the_reference(version: Path) -> None:
    model = version / "model.onnx"
    given = _read(version, "input_0.pb")
    feed = {given.name: numpy_helper.to_array(given)}
    expected = numpy_helper.to_array(_read(version, "output_0.pb"))
    sessions: tuple[Any, ...] = (
        onnxruntime.InferenceSession(model),
        ReferenceEvaluator(str(model)),
    )
    for session in sessions:
        [got] = session.run(None, feed)
        np.testing.assert_allclose(got, expected, rtol=RTOL, atol=ATOL)


def test_altered_test_data_is_detected(exported: Path) -> None:
    version = exported / "smoke" / "1"
    path = version / "test_data_set_0" / "output_0.pb"
    path.write_bytes(path.read_bytes()[:-1])
    [message] = read_version(version).alterations()
    assert message.startswith("test_data_set_0/output_0.pb has ")
