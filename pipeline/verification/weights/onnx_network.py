"""Recognize an ONNX file that is a dense network, with its activations, so it can be evaluated.

The nodes must form one chain: Cast, Mul by the scale, Reshape, then MatMul, Add and an activation
of one node for each layer, and the output of the task. For shifted copies of the images, Gather and
Reshape are before the layers, Reshape and ReduceMean after the output. Other files may be sound
too, but are not recognized.
"""

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.verification.network import Dense, Indices, Network, Weights

# Operators with the attributes that Keras' activations have, or ONNX' defaults.
_ACTIVATIONS: dict[str, tuple[str, dict[str, float]]] = {
    "Elu": ("elu", {"alpha": 1.0}),
    "LeakyRelu": ("leaky_relu", {"alpha": 0.2}),
    "LogSoftmax": ("log_softmax", {"axis": -1}),
    "Relu": ("relu", {}),
    "Selu": ("selu", {"alpha": 1.6732632, "gamma": 1.0507010}),
    "Sigmoid": ("sigmoid", {}),
    "Softmax": ("softmax", {"axis": -1}),
    "Softplus": ("softplus", {}),
    "Softsign": ("softsign", {}),
    "Tanh": ("tanh", {}),
}


_DEFAULTS = {"Elu": {"alpha": 1.0}, "LeakyRelu": {"alpha": 0.01}}
_FLOAT = 1  # of TensorProto.DataType
_OUTPUTS: dict[str, list[str]] = {
    "softmax": ["Softmax"],
    "sigmoid": ["Sigmoid"],
    "tanh": ["Mul", "Sigmoid"],  # by 2
    "linear": [],
    "relu": ["Relu"],
}


def dense_network(path: Path, output: str) -> Network | None:
    """Return the network in a float32 ONNX file, or None if it is not recognized.

    ``output`` is that of the task, such as softmax.
    """
    try:
        return _Chain(path).network(output)
    except Exception:  # noqa: BLE001  (whatever another structure raises)
        return None


class _Chain:
    """The nodes of a graph in order; each uses the output of the one before, and constants."""

    def __init__(self, path: Path) -> None:
        import onnx

        graph = onnx.load(path, load_external_data=False).graph
        self.constants = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
        self.nodes = deque(graph.node)
        [image], [self.output] = graph.input, graph.output
        self.name = image.name

    def network(self, output: str) -> Network:
        """Return the network; raises ValueError where the chain is another one."""
        scale = self._scale()
        shifts = self._shifts() if self.next_is("Gather") else None
        after = [] if shifts is None else ["Reshape", "ReduceMean"]
        layers = []
        while self.next_is("MatMul"):
            layers.append(self._layer([*_OUTPUTS[output], *after]))
        self._output(_OUTPUTS[output])
        if shifts is not None:
            self._mean(len(shifts), layers[-1].kernel.shape[1])
        is_last = layers[-1].activation == "linear" and not self.nodes
        if not is_last or self.name != self.output.name:
            raise ValueError(f"the output is not {output}")
        return Network(scale, tuple(layers), shifts=shifts)

    def _scale(self) -> np.float32:
        """Take the nodes from the image to its flattened pixels, and return their scale."""
        _require_attributes(self.nodes[0], {"to": _FLOAT})
        self.take("Cast")
        scale = self.take("Mul")
        if self.next_is("Add") and np.any(self.take("Add")):
            raise ValueError("the input has an offset")
        if self.take("Reshape").tolist()[:-1] != [-1]:
            raise ValueError("the images are not flattened")
        [value] = scale.ravel()
        return np.float32(value)

    def _output(self, kinds: list[str]) -> None:
        for kind in kinds:
            if kind in _ACTIVATIONS:
                _activation(self.nodes[0])
            factor = self.take(kind)
            if kind == "Mul" and (factor.size != 1 or factor.item() != 2):  # noqa: PLR2004
                raise ValueError("the factor of the logits is not 2")

    def next_is(self, kind: str) -> bool:
        return bool(self.nodes) and self.nodes[0].op_type == kind

    def take(self, kind: str) -> Weights:
        """Take the next node and return its constant, empty if it has none."""
        node = self.nodes.popleft()
        if node.op_type != kind or [n for n in node.input if n not in self.constants] != [
            self.name
        ]:
            raise ValueError(f"{node.op_type} in place of {kind}")
        [self.name] = node.output
        constants = [self.constants[name] for name in node.input if name in self.constants]
        return constants[0] if constants else np.zeros(0, np.float32)

    def _shifts(self) -> Indices:
        """Return the places of the pixels of the copies of an image, (copies, pixels)."""
        _require_attributes(self.nodes[0], {"axis": 1})
        shifts = self.take("Gather")
        _, pixels = shifts.shape
        if shifts.dtype.kind != "i" or shifts.min() < 0 or shifts.max() >= pixels:
            raise ValueError("the copies have other pixels than the image")
        if self.take("Reshape").tolist() != [-1, pixels]:
            raise ValueError("the copies are not rows")
        return shifts.astype(np.int32)

    def _mean(self, copies: int, units: int) -> None:
        """Take the mean over the copies of each image."""
        if self.take("Reshape").tolist() != [-1, copies, units]:
            raise ValueError("the copies of an image are not next to each other")
        found = {a.name: list(a.ints) or a.i for a in self.nodes[0].attribute}
        axes = self.take("ReduceMean").tolist() or found.get("axes")
        if axes != [1] or found.get("keepdims") != 0:
            raise ValueError("the mean is not that over the copies")

    def _layer(self, output: list[str]) -> Dense:
        if self.nodes[0].input[0] != self.name:
            raise ValueError("the kernel is the first operand")
        kernel = self.take("MatMul")
        bias = self.take("Add") if self.next_is("Add") else None
        if kernel.dtype != np.float32 or (bias is not None and bias.shape != kernel.shape[1:]):
            raise ValueError("a layer is not dense or not in float32")
        is_last = [node.op_type for node in self.nodes] == output
        if is_last or self.next_is("MatMul"):
            return Dense(kernel, bias, "linear")
        activation = _activation(self.nodes[0])
        self.take(self.nodes[0].op_type)
        return Dense(kernel, bias, activation)


def _activation(node: Any) -> str:
    name, expected = _ACTIVATIONS[node.op_type]
    _require_attributes(node, expected)
    return name


def _require_attributes(node: Any, expected: dict[str, float]) -> None:
    """Require the attributes of a node; those that it leaves out have ONNX' defaults."""
    found = {a.name: a.f if a.type == a.FLOAT else float(a.i) for a in node.attribute}
    for key, value in {**_DEFAULTS.get(node.op_type, {}), **found}.items():
        if not np.isclose(value, expected[key], rtol=1e-6):
            raise ValueError(f"{node.op_type} with {key} {value}")
