"""Weights of OpenVINO files: ``model.xml`` says where in ``model.bin`` each constant is."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt

from pipeline.verification.network import Dense, Network

Constant = npt.NDArray[Any]

_DTYPES: dict[str, Any] = {"f32": "<f4", "i32": "<i4", "i64": "<i8"}


class _Graph:
    """Layers by id, and the layers that each one takes its inputs from, in the order of ports."""

    def __init__(self, path: Path) -> None:
        root = ET.parse(path).getroot()  # noqa: S314  (expat limits entity expansion)
        self.content = path.with_suffix(".bin").read_bytes()
        self.layers = {layer.attrib["id"]: layer for layer in root.iterfind("layers/layer")}
        edges = [edge.attrib for edge in root.iterfind("edges/edge")]
        edges.sort(key=lambda edge: int(edge["to-port"]))
        self.inputs: dict[str, list[str]] = {name: [] for name in self.layers}
        for edge in edges:
            self.inputs[edge["to-layer"]].append(edge["from-layer"])

    def kind(self, name: str) -> str:
        return self.layers[name].attrib["type"]

    def constants(self, name: str) -> list[Constant]:
        """Return the constant inputs of a layer."""
        return [self._constant(other) for other in self.inputs[name] if self.kind(other) == "Const"]

    def _constant(self, name: str) -> Constant:
        data = self.layers[name].find("data")
        assert data is not None, "a constant has data"
        shape = [int(size) for size in data.attrib["shape"].split(",") if size.strip()]
        dtype = np.dtype(_DTYPES[data.attrib["element_type"]])
        offset = int(data.attrib["offset"])
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self.content, dtype, count, offset).reshape(shape)


def read(path: Path) -> Network:
    """Return the scale and the shifts of the input, and the weights of MatMul layers in order."""
    graph = _Graph(path)
    first = next(name for name in graph.layers if graph.kind(name) in ("Multiply", "MatMul"))
    [scale] = graph.constants(first)
    dense = [_dense(name, graph) for name in graph.layers if graph.kind(name) == "MatMul"]
    gathers = [name for name in graph.layers if graph.kind(name) == "Gather"]
    taken = [places for name in gathers for places in graph.constants(name) if places.ndim > 1]
    return Network(np.float32(scale.item()), tuple(dense), shifts=taken[0] if taken else None)


def _dense(name: str, graph: _Graph) -> Dense:
    [kernel] = graph.constants(name)
    options = graph.layers[name].find("data")
    assert options is not None, "a MatMul has data"
    if options.attrib["transpose_b"] == "true":
        kernel = kernel.T
    users = [other for other, inputs in graph.inputs.items() if name in inputs]
    adds = [other for other in users if graph.kind(other) == "Add"]
    added = [values for add in adds for values in graph.constants(add)]
    return Dense(kernel, next((values for values in added if values.ndim == 1), None))
