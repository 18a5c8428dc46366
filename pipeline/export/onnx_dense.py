"""Tidy the graph that tf2onnx returns: weights named after their layers, and no sums with 0."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx

from pipeline.artifacts.member_names import member_of

Constants = dict[str, npt.NDArray[Any]]
_MATRIX = 2  # its rank


def tidy(graph: onnx.GraphProto, layers: Sequence[keras.layers.Layer]) -> set[str]:
    """Rewrite a graph in place, and return the names of the constants that have one now.

    ``layers`` are those of the Keras model, in order; constants are named after them. If their
    number of dense layers is not that of the graph, weights get no names.
    """
    _drop_zeros(graph)
    if any(node.op_type == "Concat" for node in graph.node):
        _order_by_member(graph)
    before = {tensor.name for tensor in graph.initializer}
    # Keras has the layers of a committee in the order of their depth.
    dense = sorted((layer.name for layer in layers if _is_dense(layer)), key=member_of)
    products = [node for node in graph.node if _is_product(node, _constants(graph))]
    if len(dense) == len(products):
        for node, name in zip(products, dense, strict=True):
            _name_weights(graph, node, name)
    for layer in layers:
        _name_constant(graph, layer)
    _name_shifts(graph)
    _drop_unused(graph)
    return {tensor.name for tensor in graph.initializer} - before


def _order_by_member(graph: onnx.GraphProto) -> None:
    """Sort the nodes: each after those whose outputs it uses, in the order of its inputs."""
    makers = {
        node.output[0]: onnx.NodeProto.FromString(node.SerializeToString()) for node in graph.node
    }
    ordered: dict[str, onnx.NodeProto] = {}
    waiting = [value.name for value in graph.output]
    while waiting:
        used = makers[waiting[-1]].input
        missing = [name for name in used if name in makers and name not in ordered]
        if missing:
            waiting.append(missing[0])
        else:
            name = waiting.pop()
            ordered[name] = makers[name]
    del graph.node[:]
    graph.node.extend(ordered.values())


def _is_dense(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Dense) and len(layer.input.shape) == _MATRIX


def _is_product(node: onnx.NodeProto, constants: Constants) -> bool:
    """Return whether a node multiplies by a constant matrix from the right."""
    matrix = constants.get(node.input[1]) if node.op_type == "MatMul" else None
    return matrix is not None and matrix.ndim == _MATRIX


def _name_weights(graph: onnx.GraphProto, node: onnx.NodeProto, layer: str) -> None:
    """Name the constants of a product, and of the sum with a bias after it.

    Equal constants of several layers are one in the graph: each layer gets its own.
    """
    constants = _constants(graph)
    kernel = constants[node.input[1]]
    _use_copy(graph, node, node.input[1], f"{layer}.kernel")
    users = [user for user in graph.node if node.output[0] in user.input]
    if len(users) == 1 and (bias := _bias(users[0], kernel, constants)):
        _use_copy(graph, users[0], bias, f"{layer}.bias")


def _use_copy(graph: onnx.GraphProto, node: onnx.NodeProto, constant: str, name: str) -> None:
    [tensor] = [tensor for tensor in graph.initializer if tensor.name == constant]
    graph.initializer.append(tensor)
    graph.initializer[-1].name = name
    node.input[:] = [name if used == constant else used for used in node.input]


def _bias(add: onnx.NodeProto, kernel: npt.NDArray[Any], constants: Constants) -> str | None:
    """Return the name of the vector that a node adds to all units, if it does."""
    vectors = [n for n in add.input if n in constants and constants[n].shape == kernel.shape[1:]]
    return vectors[0] if add.op_type == "Add" and vectors else None


def _drop_zeros(graph: onnx.GraphProto) -> None:
    """Remove sums with the number 0, such as the offset of the pixels."""
    zeros = {name for name, value in _constants(graph).items() if not value.ndim and value == 0}
    outputs = {value.name for value in graph.output}
    for node in [node for node in graph.node if node.op_type == "Add"]:
        rest = [name for name in node.input if name not in zeros]
        if len(rest) == 1 and node.output[0] not in outputs:
            _replace(graph, node.output[0], rest[0])
            graph.node.remove(node)


def _name_constant(graph: onnx.GraphProto, layer: keras.layers.Layer) -> None:
    """Name the scale of a layer ``Rescaling`` and the shape of a layer ``Flatten``."""
    constants = _constants(graph)
    if isinstance(layer, keras.layers.Rescaling):
        kind, name, scale = "Mul", f"{layer.name}.scale", np.float32(layer.scale)
    elif isinstance(layer, keras.layers.Flatten):
        kind, name, scale = "Reshape", f"{layer.name}.shape", None
    else:
        return
    used = [n for node in graph.node if node.op_type == kind for n in node.input if n in constants]
    fitting = [n for n in used if scale is None or np.array_equal(constants[n], scale)]
    for tensor in [tensor for tensor in graph.initializer if tensor.name in fitting[:1]]:
        _replace(graph, tensor.name, name)
        tensor.name = name


def _name_shifts(graph: onnx.GraphProto) -> None:
    """Name the places of the pixels of shifted images."""
    for node in [node for node in graph.node if node.op_type == "Gather"]:
        _use_copy(graph, node, node.input[1], "shifts.pixels")


def _replace(graph: onnx.GraphProto, name: str, new: str) -> None:
    """Let all nodes use another value."""
    for node in graph.node:
        node.input[:] = [new if used == name else used for used in node.input]


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _constants(graph: onnx.GraphProto) -> Constants:
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
