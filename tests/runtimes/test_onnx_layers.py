"""Weights of ONNX files without the package onnx: they compute what onnxruntime computes."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.errors import ModelError
from pipeline.runtimes.onnx_layers import DenseLayer, dense_layers
from pipeline.runtimes.registry import choose_runtime, open_model
from pipeline.textbook.activations import ACTIVATIONS
from pipeline.verification.comparing import Reference

RANDOM = np.random.default_rng(7)
IMAGES = RANDOM.integers(0, 256, (5, 2, 3, 1), np.uint8)
KERNELS = {
    "first": RANDOM.normal(size=(6, 4)).astype(np.float32),
    "second": RANDOM.normal(size=(4, 3)).astype(np.float32),
}
VECTORS = {"bias": np.array([0.5, -1, 2, 0], np.float32), "scale": np.array([1 / 255], np.float32)}
NODES: list[tuple[str, list[str], dict[str, Any]]] = [
    ("Cast", [], {"to": TensorProto.FLOAT}),
    ("Mul", ["scale"], {}),
    ("Add", ["offset"], {}),
    ("Reshape", ["shape"], {}),
    ("MatMul", ["first"], {}),
    ("Add", ["bias"], {}),
    ("Relu", [], {}),
    ("MatMul", ["second"], {}),
    ("Softmax", [], {"axis": -1}),
]


def written(
    path: Path, nodes: list[tuple[str, list[str], dict[str, Any]]], **constants: Any
) -> Path:
    """Write a chain of operators; each uses the output of the one before."""
    values = {
        "shape": np.array([-1, 6], np.int64),
        "offset": np.array([-0.25], np.float32),
        **KERNELS,
        **VECTORS,
    }
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 2, 3, 1])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])
    names = ["image", *(f"v{n}" for n in range(1, len(nodes))), "probabilities"]
    chain = [
        helper.make_node(kind, [names[n], *used], [names[n + 1]], name=f"{kind}_{n}", **options)
        for n, (kind, used, options) in enumerate(nodes)
    ]
    initializers = [numpy_helper.from_array(v, k) for k, v in {**values, **constants}.items()]
    graph = helper.make_graph(chain, "g", [image], [output], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    return path


def replaced(kind: str, *new: tuple[str, list[str], dict[str, Any]]) -> list[Any]:
    """Return the nodes with others in place of those of a kind."""
    return [each for node in NODES for each in (new if node[0] == kind else [node])]


def computed(layers: list[DenseLayer], images: np.ndarray) -> np.ndarray:
    x = images.reshape(len(images), -1).astype(np.float64)
    for layer in layers[:-1]:
        x = ACTIVATIONS[layer.activation].function(x @ layer.kernel + layer.bias)
    logits = x @ layers[-1].kernel + layers[-1].bias
    assert layers[-1].activation == "softmax"
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def expect_same(path: Path, images: np.ndarray) -> None:
    expected = open_model(choose_runtime("onnxruntime"), path).predict(images)
    np.testing.assert_allclose(computed(dense_layers(path), images), expected, rtol=0, atol=1e-6)


def test_layers_of_a_published_model(published: Path, reference: Reference) -> None:
    layers = dense_layers(published / "model.onnx")
    assert {(layer.kernel.dtype, layer.bias.dtype) for layer in layers} == {
        (np.dtype(np.float32), np.dtype(np.float32))
    }
    expect_same(published / "model.onnx", np.load(reference.images))


@pytest.mark.parametrize(
    ("operator", "options"),
    [
        ("Relu", {}),
        ("LeakyRelu", {"alpha": 0.2}),
        ("Elu", {"alpha": 1.0}),
        ("Elu", {}),
        ("Sigmoid", {}),
        ("Tanh", {}),
        ("Softplus", {}),
    ],
)
def test_activations(tmp_path: Path, operator: str, options: dict[str, float]) -> None:
    path = written(tmp_path / "model.onnx", replaced("Relu", (operator, [], options)))
    expect_same(path, IMAGES)


def test_factor_of_the_logits(tmp_path: Path) -> None:
    """As in the output tanh of two classes."""
    doubled = replaced("Softmax", ("Mul", ["two"], {}), ("Softmax", [], {}))
    expect_same(written(tmp_path / "model.onnx", doubled, two=np.float32(2)), IMAGES)


@pytest.mark.parametrize(
    ("kind", "new", "constants", "why"),
    [
        ("Relu", [("Erf", [], {})], {}, r"the node Erf_6 \(Erf\) is none of these"),
        ("Relu", [("Elu", [], {"alpha": 2.0})], {}, r"the node Elu_6 \(Elu\) has the alpha 2"),
        ("Relu", [("LeakyRelu", [], {})], {}, r"LeakyRelu_6 \(LeakyRelu\) has the alpha 0\.01"),
        ("Softmax", [("Softmax", [], {"axis": 0})], {}, r"Softmax_8 \(Softmax\) has the axis 0"),
        (
            "Relu",
            [("Relu", [], {}), ("Tanh", [], {})],
            {},
            r"Tanh_7 \(Tanh\) follows another activation",
        ),
        ("Relu", [("Relu", [], {}), ("Add", ["bias"], {})], {}, r"Add_7 \(Add\) is not a bias"),
        (
            "Cast",
            [("Cast", [], {"to": TensorProto.FLOAT}), ("Relu", [], {})],
            {},
            r"Relu_1 \(Relu\) is none of these",
        ),
    ],
)
def test_other_networks_are_refused(
    tmp_path: Path, kind: str, new: list[Any], constants: dict[str, Any], why: str
) -> None:
    path = written(tmp_path / "model.onnx", replaced(kind, *new), **constants)
    with pytest.raises(
        ModelError, match=rf"^{path} must be a network of dense layers in float32.*{why}\. Its"
    ):
        dense_layers(path)


def test_branches_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "model.onnx", NODES)
    model = onnx.load(path)
    model.graph.node[6].input[0] = "v5"  # the activation of the sum without its bias
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"Relu_6 \(Relu\) does not continue a chain of layers"):
        dense_layers(path)


def test_files_of_lower_precision_are_refused(published: Path) -> None:
    with pytest.raises(ModelError, match="which is not read"):
        dense_layers(published / "model.fp16.onnx")


def test_damaged_constant(tmp_path: Path) -> None:
    path = written(tmp_path / "model.onnx", NODES)
    model = onnx.load(path)
    model.graph.initializer[0].raw_data = b"1234"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=f"^Cannot read the weights of {path}: .*Restore the file"):
        dense_layers(path)
