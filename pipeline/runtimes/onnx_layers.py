"""The layers of a dense network in a float32 ONNX file, for computing with NumPy alone.

The base install has neither onnx nor TensorFlow, and runtimes return nothing but the output.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.errors import ModelError
from pipeline.runtimes.onnx_graph import Constant, Graph, Node, read_graph

Weights = npt.NDArray[np.float32]

# Operators of one input, with the attributes that Keras' activations have.
_ACTIVATIONS: dict[str, tuple[str, dict[str, float]]] = {
    "Elu": ("elu", {"alpha": 1.0}),
    "LeakyRelu": ("leaky_relu", {"alpha": 0.2}),
    "Relu": ("relu", {}),
    "Sigmoid": ("sigmoid", {}),
    "Softmax": ("softmax", {"axis": -1}),
    "Softplus": ("softplus", {}),
    "Tanh": ("tanh", {}),
}
# Before the layers; Gather makes shifted copies of the image, the first of which is the image.
_ON_PIXELS = ("Cast", "Reshape", "Flatten", "Identity", "Gather")
_DEFAULTS = {"Elu": {"alpha": 1.0}, "LeakyRelu": {"alpha": 0.01}}  # of ONNX


@dataclass(frozen=True)
class DenseLayer:
    """One layer, activation(x @ kernel + bias).

    ``kernel`` is float32 (inputs, units), ``bias`` float32 (units,), ``activation`` Keras' name:
    linear, relu, leaky_relu, elu, sigmoid, tanh, softplus, or softmax after the logits.
    """

    kernel: Weights
    bias: Weights
    activation: str = "linear"


def dense_layers(path: Path) -> list[DenseLayer]:
    """Return the layers of an ONNX file, the first for pixels from 0 to 255, flattened.

    The scale of the pixels is part of the first kernel, and the activation of the last layer is
    the output of the task, so that without it, the last layer computes the logits.

    Raises:
        ModelError: the file is not a float32 network of dense layers with these activations.
    """
    chain = _Chain(read_graph(path))
    try:
        return chain.layers()
    except ValueError as error:
        raise ModelError(
            f"{path} must be a network of dense layers in float32, whose activations are single "
            f"ONNX operators such as Relu; {error}. Its weights cannot be used on their own."
        ) from error


def first_layer(path: Path) -> DenseLayer:
    """Return the first layer, for pixels from 0 to 255, flattened, without its activation.

    Raises:
        ModelError: the file does not begin with a dense layer in float32.
    """
    chain = _Chain(read_graph(path))
    try:
        return chain.first()
    except ValueError as error:
        raise ModelError(
            f"{path} must begin with a dense layer in float32; {error}. Its weights cannot be used "
            "on their own."
        ) from error


class _Chain:
    """The nodes of a graph in order; each uses the output of the one before, and constants."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        [self._value] = graph.inputs
        self._scale, self._offset = np.float32(1), np.float32(0)
        self._layers: list[DenseLayer] = []

    def layers(self) -> list[DenseLayer]:
        if any(node.operator == "ReduceMean" for node in self._graph.nodes):
            raise ValueError("it returns the mean of several outputs")
        for node in self._graph.nodes:
            self._follow(node)
        if [self._value] != [*self._graph.outputs] or not self._layers:
            raise ValueError(f"the output {self._value} is not that of a dense layer")
        return self._layers

    def first(self) -> DenseLayer:
        for node in self._graph.nodes:
            if self._layers and (node.operator != "Add" or self._value not in node.inputs):
                break
            self._follow(node)
        if not self._layers:
            raise ValueError("it has none")
        return self._layers[0]

    def _follow(self, node: Node) -> None:
        used = [name for name in node.inputs if not self._is_constant(name)]
        if len(node.outputs) != 1 or used != [self._value]:
            raise ValueError(f"{_named(node)} does not continue a chain of layers")
        self._add(node)
        [self._value] = node.outputs

    def _is_constant(self, name: str) -> bool:
        return name in self._graph.constants

    def _add(self, node: Node) -> None:
        constants = [self._graph.constants[n] for n in node.inputs if self._is_constant(n)]
        if node.operator == "MatMul" and not self._is_constant(node.inputs[0]):
            self._add_kernel(node, *constants)
        elif node.operator in ("Mul", "Add"):
            self._adjust(node, *constants)
        elif node.operator in _ACTIVATIONS and self._layers:
            self._activate(node)
        elif node.operator not in _ON_PIXELS or self._layers:
            raise ValueError(f"{_named(node)} is none of these")

    def _add_kernel(self, node: Node, kernel: Constant) -> None:
        if kernel.dtype != np.float32 or kernel.ndim != 2:  # noqa: PLR2004
            raise ValueError(f"{_named(node)} has a kernel of {kernel.dtype} {kernel.shape}")
        if self._layers and self._layers[-1].kernel.shape[1] != len(kernel):
            raise ValueError(f"{_named(node)} has {len(kernel)} inputs, unlike the layer before")
        bias = np.zeros(kernel.shape[1], np.float32)
        if not self._layers:
            bias, kernel = self._offset * kernel.sum(axis=0), self._scale * kernel
        self._layers.append(DenseLayer(kernel, bias))

    def _adjust(self, node: Node, constant: Constant) -> None:
        """Multiply by a number, or add one; after a kernel, add its bias."""
        if constant.dtype != np.float32:
            raise ValueError(f"{_named(node)} has a constant of {constant.dtype}")
        if not self._layers:
            [number] = constant.ravel()
            if node.operator == "Mul":
                self._scale, self._offset = self._scale * number, self._offset * number
            else:
                self._offset = self._offset + number
            return
        layer = self._layers[-1]
        if layer.activation != "linear" or constant.shape not in ((), (1,), layer.bias.shape):
            raise ValueError(f"{_named(node)} is not a bias")
        if node.operator == "Mul":
            layer = replace(layer, kernel=layer.kernel * constant, bias=layer.bias * constant)
        else:
            layer = replace(layer, bias=layer.bias + constant)
        self._layers[-1] = layer

    def _activate(self, node: Node) -> None:
        name, expected = _ACTIVATIONS[node.operator]
        found = {**expected, **_DEFAULTS.get(node.operator, {}), **node.attributes}
        if self._layers[-1].activation != "linear":
            raise ValueError(f"{_named(node)} follows another activation")
        for key, value in found.items():
            if not np.isclose(value, expected.get(key, np.nan), rtol=1e-6):
                raise ValueError(f"{_named(node)} has the {key} {value:g}")
        self._layers[-1] = replace(self._layers[-1], activation=name)


def _named(node: Node) -> str:
    return f"the node {node.name} ({node.operator})"
