"""Verification of committees: all formats and runtimes, and faults of one member are refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from pipeline.artifacts.formats import FORMATS, artifact_path
from pipeline.errors import ModelError
from pipeline.runtimes.allowed.check import require_allowed
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.runtimes.onnx_layers import dense_layers, first_layer
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.verification.comparing import compare
from pipeline.verification.network import Dense
from pipeline.verification.reading_back import weight_failures
from pipeline.verification.weights.onnx_network import dense_network
from pipeline.verification.weights.reading import read_here, read_isolated
from tests.support.average_reference import mean_output
from tests.support.every_runtime import (
    FLOAT32_FORMATS,
    assert_file_passes_elsewhere,
    assert_files_pass,
)
from tests.support.exported_networks import Exported

pytestmark = pytest.mark.tensorflow

KINDS = [
    ("multiclass", "softmax", "shifts"),
    ("multiclass", "softmax", None),
    ("binary", "tanh", "shifts"),
    ("regression", "relu", None),
]
MEMBERS = 3


@pytest.fixture(scope="module", params=KINDS, ids=[f"{o}-{a}" for _, o, a in KINDS])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    name, output, average = request.param
    folder = tmp_path_factory.mktemp("committee") / "1"
    committee = Exported(folder, name, output, average=average, members=MEMBERS)
    return committee.write(list(FORMATS))


def has_shifts(exported: Exported) -> bool:
    trained = exported.reference().trained
    return trained is not None and trained.shifts is not None


def test_exact_predictions_are_those_of_the_slow_definition(exported: Exported) -> None:
    found, few = exported.reference().probabilities, slice(0, 20)
    expected = mean_output(
        exported.models, exported.pixels[few], exported.output, shifts=has_shifts(exported)
    )
    np.testing.assert_allclose(found[few], expected, rtol=1e-6, atol=1e-7)


def test_files_pass_in_every_runtime(exported: Exported) -> None:
    assert_files_pass(exported)


@pytest.mark.process
@pytest.mark.parametrize("exported", KINDS[:1], ids=["softmax-shifts"], indirect=True)
def test_file_passes_in_nodejs_and_the_browser(exported: Exported, tmp_path: Path) -> None:
    assert_file_passes_elsewhere(exported, "onnx", tmp_path)


def test_weights_of_all_members_are_read_back(exported: Exported) -> None:
    trained = exported.reference().trained
    assert trained is not None
    assert trained.members == MEMBERS
    assert [layer.name for layer in trained.layers] == [
        f"member_{n}_{layer}" for n in (1, 2, 3) for layer in ("hidden_1", "hidden_2", "logits")
    ]
    for name in FLOAT32_FORMATS:
        path = artifact_path(exported.folder, name)
        assert weight_failures(path, name, trained) == (), name
        middle = trained.layers[4]
        kernel = middle.kernel.copy()
        kernel[1, 2] = np.nextafter(kernel[1, 2], np.float32(9))
        wrong = Dense(kernel, middle.bias, middle.activation, middle.name)
        layers = (*trained.layers[:4], wrong, *trained.layers[5:])
        [failure] = weight_failures(path, name, replace(trained, layers=layers)) or ("",)
        assert "the kernel of member_2_hidden_2 differs at 1 of 30 places" in failure, name


def test_members_are_read_in_another_process(exported: Exported) -> None:
    path = artifact_path(exported.folder, "keras")
    here, there = read_here(path, "keras"), read_isolated(path, "keras")
    assert here is not None
    assert there is not None
    assert there.members == here.members == MEMBERS
    assert [layer.name for layer in there.layers] == [layer.name for layer in here.layers]


def test_members_are_in_order_in_onnx_files(exported: Exported) -> None:
    graph = onnx.load(artifact_path(exported.folder, "onnx")).graph
    kernels = [node.input[1] for node in graph.node if node.op_type == "MatMul"]
    names = ("hidden_1", "hidden_2", "logits")
    assert kernels == [f"member_{n}_{name}.kernel" for n in (1, 2, 3) for name in names]
    values = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    trained = exported.reference().trained
    assert trained is not None
    for layer in trained.layers:
        np.testing.assert_array_equal(values[f"{layer.name}.kernel"], layer.kernel)
        np.testing.assert_array_equal(values[f"{layer.name}.bias"], layer.bias)


def test_files_are_allowed(exported: Exported) -> None:
    for name in FORMATS:
        require_allowed(artifact_path(exported.folder, name))


def scale_kernel(model: onnx.ModelProto) -> None:
    [tensor] = [t for t in model.graph.initializer if t.name == "member_2_hidden_2.kernel"]
    values = onnx.numpy_helper.to_array(tensor) * np.float32(1.001)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def use_first_layer_of_another(model: onnx.ModelProto) -> None:
    """All weights are in the file, but one of them is used by two members."""
    for node in model.graph.node:
        if "member_3_hidden_1.kernel" in node.input:
            node.input[1] = "member_2_hidden_1.kernel"


def leave_out_last(model: onnx.ModelProto) -> None:
    """The mean is that of the first member, twice, and the second."""
    [concat] = [node for node in model.graph.node if node.op_type == "Concat"]
    concat.input[2] = concat.input[0]


@pytest.mark.parametrize("change", [scale_kernel, use_first_layer_of_another, leave_out_last])
def test_fault_of_one_member_is_refused(
    exported: Exported, tmp_path: Path, change: Callable[[onnx.ModelProto], None]
) -> None:
    model = onnx.load(artifact_path(exported.folder, "onnx"))
    change(model)
    path = tmp_path / "faulty.onnx"
    onnx.save(model, path)
    reference = exported.reference()
    assert reference.trained is not None
    assert compare(exported.result(OnnxRuntimePredictor(path)), reference)
    if change is scale_kernel:
        [failure] = weight_failures(path, "onnx", reference.trained) or ("",)
        assert "the kernel of member_2_hidden_2 differs at 30 of 30 places" in failure


def test_missing_member_is_named(exported: Exported) -> None:
    trained = exported.reference().trained
    assert trained is not None
    four = replace(trained, layers=(*trained.layers, *trained.layers[:3]), members=4)
    assert weight_failures(artifact_path(exported.folder, "onnx"), "onnx", four) == (
        "its weights must be the trained ones; the number of dense layers must be 12; got 9",
    )


def test_first_layer_is_that_of_the_first_member(exported: Exported) -> None:
    ours = first_layer(artifact_path(exported.folder, "onnx"))
    theirs = KerasPredictor(artifact_path(exported.folder, "keras")).first_layer()
    np.testing.assert_array_equal(ours.kernel, theirs.kernel)
    np.testing.assert_array_equal(ours.bias, theirs.bias)
    scaled = np.float32(1 / 255) * exported.models[0].get_layer("hidden_1").get_weights()[0]
    np.testing.assert_array_equal(ours.kernel, scaled)


def test_layers_alone_are_refused(exported: Exported) -> None:
    with pytest.raises(ModelError, match="it returns the mean of several outputs"):
        dense_layers(artifact_path(exported.folder, "onnx"))


def test_single_onnx_file_is_compared_with_the_reference_runtime(exported: Exported) -> None:
    """As documented: only single chains are recognized."""
    assert dense_network(artifact_path(exported.folder, "onnx"), exported.output) is None
