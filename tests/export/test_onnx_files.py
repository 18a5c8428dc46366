"""What is in exported ONNX files: names, shapes, opset, description, and the order of nodes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from pipeline.artifacts.data_set import Split
from pipeline.artifacts.formats import artifact_path
from pipeline.config import read
from pipeline.errors import ConfigError
from pipeline.export.trained_model import TrainedModel
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from tests.support.onnx_files import FORMATS, new_network, write_all
from tests.support.paths import SMOKE

pytestmark = pytest.mark.tensorflow

LAYERS = ("hidden_1", "hidden_2", "logits")
# Those of many nodes, each with other operators.
ACTIVATIONS = ("relu6", "hard_shrink", "log_softmax", "mish", "selu", "sparse_plus", "sparsemax")


@pytest.fixture(scope="module")
def trained(digits: Split) -> TrainedModel:
    return new_network(digits)


@pytest.fixture(scope="module")
def files(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(trained, tmp_path_factory.mktemp("onnx") / "files")


def load(folder: Path, name: str = "onnx") -> onnx.ModelProto:
    return onnx.load(artifact_path(folder, name))


def test_constants_are_named_after_their_layers(files: Path, trained: TrainedModel) -> None:
    constants = {t.name: numpy_helper.to_array(t) for t in load(files).graph.initializer}
    weights = [f"{layer}.{kind}" for layer in LAYERS for kind in ("kernel", "bias")]
    assert list(constants) == ["scale.scale", "flatten.shape", *weights]
    for name, values in zip(weights, trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(constants[name], values)
    halves = {tensor.name for tensor in load(files, "onnx_fp16").graph.initializer}
    assert halves == constants.keys()
    integers = {tensor.name for tensor in load(files, "onnx_int8").graph.initializer}
    assert {f"{layer}.kernel_quantized" for layer in LAYERS} <= integers
    assert {f"{layer}.bias_quantized" for layer in LAYERS} <= integers


def test_equal_biases_have_the_names_of_both_layers(digits: Split, tmp_path: Path) -> None:
    """The converter makes one constant of them."""
    trained = new_network(digits, hidden=(8, 8))
    first = trained.model.get_layer("hidden_1")
    kernel, _ = trained.model.get_layer("hidden_2").get_weights()
    trained.model.get_layer("hidden_2").set_weights([kernel, first.get_weights()[1]])
    names = {t.name for t in load(write_all(trained, tmp_path / "1", ("onnx",))).graph.initializer}
    assert {"hidden_1.bias", "hidden_2.bias"} <= names


def test_graph_has_no_node_without_effect(files: Path) -> None:
    kinds = [node.op_type for node in load(files).graph.node]
    layer = ["MatMul", "Add", "Relu"]
    assert kinds == ["Cast", "Mul", "Reshape", *layer, *layer, "MatMul", "Add", "Softmax"]


@pytest.mark.parametrize("name", FORMATS)
def test_opset_and_format_are_the_lowest(files: Path, name: str) -> None:
    model = load(files, name)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 13)]
    assert model.ir_version == 7


@pytest.mark.parametrize("name", FORMATS)
def test_configured_opset(trained: TrainedModel, tmp_path: Path, name: str) -> None:
    newest = replace(trained, opset=18)
    model = load(write_all(newest, tmp_path / "1", tuple(dict.fromkeys(("onnx", name)))), name)
    assert [entry.version for entry in model.opset_import] == [18]
    assert model.ir_version == 8


@pytest.mark.parametrize("opset", [7, 12, 19, 26])
def test_other_opsets_are_refused(opset: int) -> None:
    with pytest.raises(ConfigError) as caught:
        read(SMOKE, [f"export.opset={opset}"])
    assert (
        "export.opset must be a whole number from 13, the first opset with per-column "
        "quantization, to 18, the newest that tf2onnx writes (activations compute the same in all "
        f"of them); got {opset}"
    ) in " ".join(str(caught.value).split())


@pytest.mark.parametrize("name", FORMATS)
def test_file_describes_itself(files: Path, name: str) -> None:
    model = load(files, name)
    assert model.doc_string == (
        "A dense network for the task multiclass trained on the data set mnist. Input image: uint8 "
        "[batch, 28, 28, 1], raw bytes from 0 to 255; scaling them is part of the model. Output "
        "probabilities: float32 [batch, 10]."
    )
    assert model.model_version == 0x0123456789ABC


@pytest.mark.parametrize("name", FORMATS)
def test_every_value_has_a_type_and_a_shape(files: Path, name: str) -> None:
    graph = load(files, name).graph
    known = {value.name: value.type.tensor_type for value in [*graph.value_info, *graph.output]}
    for node in graph.node:
        for made in node.output:
            assert known[made].elem_type
            assert all(d.dim_param or d.dim_value for d in known[made].shape.dim), made
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)  # onnxruntime refuses others


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_shapes_are_those_of_the_evaluation(digits: Split, tmp_path: Path, activation: str) -> None:
    trained = new_network(digits, activation=activation)
    model = load(write_all(trained, tmp_path / "1", ("onnx",)))
    evaluator = ReferenceEvaluator(model, check_shape_annotations=True)
    [found] = map(np.asarray, evaluator.run(None, {"image": digits.images[:5]}))
    expected = trained.model.predict(digits.images[:5], verbose=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_int8_quantizes_after_the_bias(files: Path) -> None:
    """Between a product and the quantization is the sum with the bias; that computes the ReLU."""
    graph = load(files, "onnx_int8").graph
    makers = {made: node for node in graph.node for made in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    quantized = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    assert [makers[node.input[0]].op_type for node in quantized] == ["Reshape", *3 * ["Add"]]
    sums = [makers[node.input[0]] for node in quantized[1:]]
    for node, layer in zip(sums, LAYERS, strict=True):
        product, bias = (makers[name] for name in node.input)
        assert product.op_type == "MatMul"
        assert bias.input[0] == f"{layer}.bias_quantized"
        assert constants[bias.input[0]].data_type == TensorProto.INT32
    assert not [node for node in graph.node if node.op_type == "Relu"]
    zeros = [numpy_helper.to_array(constants[node.input[2]]) for node in quantized[1:3]]
    assert zeros == [0, 0]


def test_int8_layer_without_bias(digits: Split, tmp_path: Path) -> None:
    """The converter leaves out a bias that is 0."""
    trained = new_network(digits, hidden=(8,))
    trained.model.set_weights([w if w.ndim > 1 else 0 * w for w in trained.model.get_weights()])
    folder = write_all(trained, tmp_path / "1", ("onnx", "onnx_int8"))
    kinds = [node.op_type for node in load(folder, "onnx_int8").graph.node]
    assert kinds.count("MatMul") == 2
    assert "Add" not in kinds
    exact, found = (
        OnnxRuntimePredictor(artifact_path(folder, name)).predict(digits.images[:50])
        for name in ("onnx", "onnx_int8")
    )
    np.testing.assert_allclose(found, exact, rtol=0, atol=0.05)


def test_softmax_of_a_float16_file_is_in_float32(files: Path) -> None:
    graph = load(files, "onnx_fp16").graph
    kinds = [node.op_type for node in graph.node]
    assert kinds[-3:] == ["Add", "Cast", "Softmax"]
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    assert types[graph.node[-1].input[0]] == TensorProto.FLOAT
    assert types[graph.node[-2].input[0]] == TensorProto.FLOAT16
