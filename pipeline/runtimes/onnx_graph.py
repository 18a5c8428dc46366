"""Read the nodes and constants of an ONNX file without the package onnx.

Field numbers are those of ``onnx.proto``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import ModelError, sentence
from pipeline.runtimes.allowed.messages import Message, Reader
from pipeline.runtimes.onnx_file import read_checked
from pipeline.system.protobuf_wire import floats, varint

Constant = npt.NDArray[Any]

_GRAPH = 7  # of a model
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12  # of a graph
_INPUTS, _OUTPUTS, _NAME, _OPERATOR, _ATTRIBUTE = 1, 2, 3, 4, 5  # of a node
_KEY, _FLOAT, _INTEGER = 1, 2, 3  # of an attribute
_DIMENSIONS, _DATA_TYPE, _TENSOR_NAME, _RAW_DATA = 1, 2, 8, 9  # of a tensor
_VALUE_NAME = 1  # of an input or output of the graph
_DTYPES = {1: "<f4", 2: "|u1", 6: "<i4", 7: "<i8"}  # of data types


@dataclass(frozen=True)
class Node:
    """One operation: the names of its inputs and outputs, and its numeric attributes."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, float]


@dataclass(frozen=True)
class Graph:
    """The nodes in order, the constants by name, and the names of the inputs and outputs."""

    nodes: tuple[Node, ...]
    constants: dict[str, Constant]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_graph(path: Path) -> Graph:
    """Return the graph of an ONNX file, checked as before opening it in a runtime.

    Raises:
        ModelError: the file is not a valid ONNX file, or has constants of other types than float32,
            uint8, int32 and int64.
    """
    model = memoryview(read_checked(path))
    try:
        reader = Reader()
        [graph] = reader.inside(model, _GRAPH)
        return Graph(
            tuple(_node(reader, node) for node in reader.inside(graph, _NODE)),
            dict(_constant(reader, tensor) for tensor in reader.inside(graph, _INITIALIZER)),
            tuple(reader.texts(graph, _INPUT, _VALUE_NAME)),
            tuple(reader.texts(graph, _OUTPUT, _VALUE_NAME)),
        )
    except ValueError as error:
        raise ModelError(
            f"Cannot read the weights of {path}: {sentence(error)} Restore the file, or export it "
            "again."
        ) from error


def _node(reader: Reader, node: Message) -> Node:
    return Node(
        operator="".join(reader.texts(node, _OPERATOR)),
        name="".join(reader.texts(node, _NAME)),
        inputs=tuple(reader.texts(node, _INPUTS)),
        outputs=tuple(reader.texts(node, _OUTPUTS)),
        attributes={
            "".join(reader.texts(attribute, _KEY)): number
            for attribute in reader.inside(node, _ATTRIBUTE)
            for number in [
                *floats(attribute, _FLOAT),
                *map(_signed, reader.numbers(attribute, _INTEGER)),
            ]
        },
    )


def _signed(number: int) -> int:
    """Return an int64 that is read as the uint64 of the same bits."""
    return number - 2**64 if number >= 2**63 else number


def _constant(reader: Reader, tensor: Message) -> tuple[str, Constant]:
    name = "".join(reader.texts(tensor, _TENSOR_NAME))
    [data_type] = reader.numbers(tensor, _DATA_TYPE)
    if data_type not in _DTYPES:
        raise ValueError(f"the constant {name} has the data type {data_type}, which is not read")
    raw = b"".join(map(bytes, reader.inside(tensor, _RAW_DATA)))
    shape = [*reader.numbers(tensor, _DIMENSIONS), *_packed(reader, tensor)]
    return name, np.frombuffer(raw, _DTYPES[data_type]).reshape(shape)


def _packed(reader: Reader, tensor: Message) -> Iterator[int]:
    for numbers in reader.inside(tensor, _DIMENSIONS):
        offset = 0
        while offset < len(numbers):
            number, offset = varint(numbers, offset)
            yield number
