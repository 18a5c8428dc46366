"""Weights of ONNX files: initializers and constants that MatMul, Gemm, Add and Gather use."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.verification.network import Dense, Network, Weights


def read(path: Path) -> Network:
    """Return the scale and the shifts of the input, and the weights of MatMul and Gemm in order."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            [attribute] = node.attribute
            constants[node.output[0]] = onnx.numpy_helper.to_array(attribute.t)
    dense = [
        _dense(node, graph, constants) for node in graph.node if node.op_type in ("MatMul", "Gemm")
    ]
    taken = [constants[node.input[1]] for node in graph.node if node.op_type == "Gather"]
    return Network(_scale(graph, constants), tuple(dense), shifts=taken[0] if taken else None)


def _scale(graph: Any, constants: dict[str, Weights]) -> np.float32:
    """Return the constant of the first Mul, which is before all dense layers."""
    first = next(node for node in graph.node if node.op_type in ("Mul", "MatMul", "Gemm"))
    [value] = [constants[name] for name in first.input if name in constants]
    return np.float32(value.item())


def _dense(node: Any, graph: Any, constants: dict[str, Weights]) -> Dense:
    kernel = constants[node.input[1]]
    if node.op_type == "Gemm":
        options = {attribute.name: attribute for attribute in node.attribute}
        transposed = "transB" in options and options["transB"].i
        bias = constants[node.input[2]] if len(node.input) > 2 else None  # noqa: PLR2004
        if any(options[name].f != 1 for name in ("alpha", "beta") if name in options):
            raise ValueError("alpha and beta of Gemm must be 1")
        return Dense(kernel.T if transposed else kernel, bias)
    return Dense(kernel, _added(node.output[0], graph, constants))


def _added(name: str, graph: Any, constants: dict[str, Weights]) -> Weights | None:
    """Return the vector that an Add node adds to a tensor, if one does; others are activations."""
    adds = [node for node in graph.node if name in node.input and node.op_type == "Add"]
    found = [constants[other] for add in adds for other in add.input if other in constants]
    return next((values for values in found if values.ndim == 1), None)
