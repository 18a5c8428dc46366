"""Inspect ONNX files field by field before any runtime opens them.

Files are untrusted: a tensor may be stored in an external file, and the file may name any path of
this machine. Runtimes should reject such paths, but not all do.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.artifacts.formats import FLOAT16, FLOAT32, INT8
from pipeline.errors import ModelError
from pipeline.runtimes.allowed.check import require_allowed_onnx
from pipeline.system.protobuf_wire import fields
from pipeline.system.regular_files import FileTooLarge, NotRegularFile, read_regular

_MAX_BYTES = 2**31  # of one message in Protocol Buffers

# Field numbers of onnx.proto on the paths from a model to its tensors.
_FIELDS = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_GRAPH, _OUTPUT, _NAME = 7, 12, 1  # of a model, of a graph, of an output
_DIMS, _DATA_TYPE, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 13, 14  # of a tensor
_PRECISIONS = {1: FLOAT32, 2: INT8, 3: INT8, 10: FLOAT16}  # of data types

Fields = list[tuple[int, memoryview | int]]


def read_checked(path: Path) -> bytes:
    """Return an ONNX file after checking its operators, and that it has no external data.

    The file is read once: opened by its path, it could have been replaced after the check.

    Raises:
        ModelError: the file has an operator that is not allowed or external data, is not an ONNX
            file, or is too large for one.
    """
    model = _read(path)
    require_allowed_onnx(model, path)
    _require_self_contained(model, path)
    return model


def require_self_contained(path: Path) -> Path:
    """Return the path of an ONNX file, for a runtime that takes no bytes, after checking it.

    Raises:
        ModelError: the file has external data, is not an ONNX file, or is too large for one.
    """
    _require_self_contained(_read(path), path)
    return path


def precision_of(path: Path) -> str:
    """Return the precision of most matrices of an ONNX file.

    Raises:
        ModelError: the file is not an ONNX file.
    """
    found = [
        precision
        for tensor in _tensors(_read(path), path)
        if _rank(tensor) > 1 and (precision := _PRECISIONS.get(_number(tensor, _DATA_TYPE)))
    ]
    return max(set(found), key=found.count, default=FLOAT32)


def output_names(path: Path) -> list[str]:
    """Return the names of the outputs of an ONNX file, in order.

    Raises:
        ModelError: the file is not an ONNX file.
    """
    graphs = _inside(fields(memoryview(_read(path))), _GRAPH)
    outputs = [output for graph in graphs for output in _inside(fields(graph), _OUTPUT)]
    names = [name for output in outputs for name in _inside(fields(output), _NAME)]
    return [bytes(name).decode(errors="replace") for name in names]


def _require_self_contained(model: bytes, path: Path) -> None:
    for tensor in _tensors(model, path):
        if any(n == _EXTERNAL_DATA or (n == _DATA_LOCATION and v) for n, v in tensor):
            raise ModelError(
                f"{path} must contain all its tensors; got a tensor with external data. The file "
                "was not opened. Save the model without external data."
            )


def _tensors(model: bytes, path: Path) -> Iterator[Fields]:
    """Yield the fields of every tensor in the model."""
    try:
        yield from _below(memoryview(model), "model")
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} is not a valid ONNX model: {error}. Restore the file, or export it again."
        ) from error


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, _MAX_BYTES)
    except (NotRegularFile, FileTooLarge) as error:
        raise ModelError(
            f"Cannot open {path} as an ONNX file: {error.strerror}. Export it with this pipeline."
        ) from error


def _below(message: memoryview, kind: str) -> Iterator[Fields]:
    if kind == "tensor":
        yield list(fields(message))
        return
    inside = _FIELDS[kind]
    for number, value in fields(message):
        if number in inside and isinstance(value, memoryview):
            yield from _below(value, inside[number])


def _inside(found: Iterable[tuple[int, memoryview | int]], number: int) -> list[memoryview]:
    return [value for n, value in found if n == number and isinstance(value, memoryview)]


def _number(found: Fields, number: int) -> int:
    return next((value for n, value in found if n == number and isinstance(value, int)), 0)


def _rank(tensor: Fields) -> int:
    """Count the dimensions, which are single numbers or packed into one field."""
    single = sum(n == _DIMS and isinstance(value, int) for n, value in tensor)
    return single + sum(_count(value) for value in _inside(tensor, _DIMS))


def _count(packed: memoryview) -> int:
    return sum(byte < 128 for byte in packed)  # noqa: PLR2004  (the last byte of each number)
