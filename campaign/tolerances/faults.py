"""Faults of exported files: in the weights or constants of an ONNX file, and in its graph."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from campaign.tolerances.random_models import CLASSES

Change = Callable[[onnx.ModelProto], None]


def faults(rng: np.random.Generator, model: onnx.ModelProto) -> Iterator[tuple[str, Change]]:
    """Yield faults by name, each once in the weights or constants and once in the graph."""
    layer = int(rng.integers(len(_kernels(model))))
    yield "layer scaled by 1.001, weights", lambda m: _scale_layer(m, layer)
    yield "layer scaled by 1.001, graph", lambda m: _multiply(m, _kernels(m)[layer][0], 1.001)
    if _kernels(model)[-1][1].dims[1] == CLASSES:
        a, b = (int(index) for index in rng.choice(CLASSES, 2, replace=False))
        order = np.arange(CLASSES)
        order[[a, b]] = b, a
        yield "swapped class, weights", lambda m: _swap_columns(m, order)
        yield "swapped class, graph", lambda m: _gather(m, order)
    scale = float(rng.choice([1, 1 / 127.5, 1 / 256]))
    yield "wrong input scale, constant", lambda m: _set_scale(m, scale)
    yield "wrong input scale, graph", lambda m: _multiply(m, _first(m, "Mul"), 255 * scale)
    yield "transposed axis, weights", _transpose_kernel
    yield "transposed axis, graph", _transpose_images
    if _biases(model):
        yield "missing bias, weights", lambda m: _clear_bias(m, layer)
        yield "missing bias, graph", lambda m: _remove_bias(m, layer)
    yield "clipped output", _clip_output
    if model.graph.node[-1].op_type == "Sigmoid":
        yield "probability of the other class", _complement
    if any(node.op_type == "Mul" for node in list(model.graph.node)[-2:]):
        yield "missing factor of the logits", _lose_factor
    yield "float16, weights", _round_weights
    yield "float16, graph", lambda m: _compute_in_half(m, layer)


def _kernels(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, onnx.TensorProto]]:
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    return [(n, tensors[n.input[1]]) for n in model.graph.node if n.op_type == "MatMul"]


def _biases(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, onnx.TensorProto]]:
    tensors = {t.name: t for t in model.graph.initializer if len(t.dims) == 1}
    outputs = {node.output[0] for node, _ in _kernels(model)}
    return [
        (node, tensors[name])
        for node in model.graph.node
        if node.op_type == "Add" and outputs & set(node.input)
        for name in node.input
        if name in tensors and numpy_helper.to_array(tensors[name]).any()
    ]


def _change(tensor: onnx.TensorProto, change: Callable[[npt.NDArray[np.float32]], object]) -> None:
    values = np.asarray(change(numpy_helper.to_array(tensor).copy()), np.float32)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _first(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == kind)


def _insert(model: onnx.ModelProto, node: onnx.NodeProto, *new: onnx.NodeProto) -> None:
    """Pass the output of a node through new nodes that read ``before`` and write its name."""
    name = node.output[0]
    node.output[0] = f"{name}_before"
    place = list(model.graph.node).index(node) + 1
    for number, added in enumerate(new):
        added.input[0] = node.output[0] if number == 0 else new[number - 1].output[0]
        added.output[0] = name if added is new[-1] else f"{name}_{number}"
        model.graph.node.insert(place + number, added)


def _constant(model: onnx.ModelProto, values: npt.NDArray[np.generic]) -> str:
    name = f"added_{len(model.graph.initializer)}"
    model.graph.initializer.append(numpy_helper.from_array(values, name))
    return name


def _multiply(model: onnx.ModelProto, node: onnx.NodeProto, factor: float) -> None:
    name = _constant(model, np.array(factor, np.float32))
    _insert(model, node, helper.make_node("Mul", ["", name], [""]))


def _scale_layer(model: onnx.ModelProto, layer: int) -> None:
    _change(_kernels(model)[layer][1], lambda values: values * np.float32(1.001))


def _swap_columns(model: onnx.ModelProto, order: npt.NDArray[np.int64]) -> None:
    _change(_kernels(model)[-1][1], lambda values: values[:, order])
    for node, tensor in _biases(model):
        if _kernels(model)[-1][0].output[0] in node.input:
            _change(tensor, lambda values: values[order])


def _gather(model: onnx.ModelProto, order: npt.NDArray[np.int64]) -> None:
    name = _constant(model, order)
    _insert(model, model.graph.node[-1], helper.make_node("Gather", ["", name], [""], axis=1))


def _set_scale(model: onnx.ModelProto, scale: float) -> None:
    name = _first(model, "Mul").input[1]
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == name]
    _change(tensor, lambda _: np.array(scale))


def _transpose_kernel(model: onnx.ModelProto) -> None:
    pixels = np.arange(784).reshape(28, 28).T.ravel()
    _change(_kernels(model)[0][1], lambda values: values[pixels])


def _transpose_images(model: onnx.ModelProto) -> None:
    _insert(
        model, _first(model, "Cast"), helper.make_node("Transpose", [""], [""], perm=[0, 2, 1, 3])
    )


def _clear_bias(model: onnx.ModelProto, layer: int) -> None:
    biases = _biases(model)
    _change(biases[layer % len(biases)][1], np.zeros_like)


def _remove_bias(model: onnx.ModelProto, layer: int) -> None:
    biases = _biases(model)
    node, tensor = biases[layer % len(biases)]
    [before] = [name for name in node.input if name != tensor.name]
    node.CopyFrom(helper.make_node("Identity", [before], list(node.output)))


def _clip_output(model: onnx.ModelProto) -> None:
    """Clip the output to 0.001 to 0.999, as a runtime that avoids infinite logarithms would."""
    bounds = [_constant(model, np.array(value, np.float32)) for value in (0.001, 0.999)]
    _insert(model, model.graph.node[-1], helper.make_node("Clip", ["", *bounds], [""]))


def _complement(model: onnx.ModelProto) -> None:
    """Return 1 - p: the probability of the first class."""
    one = _constant(model, np.array(1, np.float32))
    minus = helper.make_node("Neg", [""], [""])
    _insert(model, model.graph.node[-1], minus, helper.make_node("Add", ["", one], [""]))


def _lose_factor(model: onnx.ModelProto) -> None:
    """Return sigmoid(z) in place of sigmoid(2z)."""
    name = model.graph.node[-2].input[1]
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == name]
    _change(tensor, lambda _: np.array(1))


def _round_weights(model: onnx.ModelProto) -> None:
    for _, tensor in [*_kernels(model), *_biases(model)]:
        _change(tensor, lambda values: values.astype(np.float16))


def _compute_in_half(model: onnx.ModelProto, layer: int) -> None:
    """Round the result of a layer to float16, as a runtime that computes in it would."""
    half, full = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    casts = [helper.make_node("Cast", [""], [""], to=kind) for kind in (half, full)]
    _insert(model, _kernels(model)[layer][0], *casts)
