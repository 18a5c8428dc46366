"""Weights of LiteRT files: FlatBuffers with the tables of TensorFlow's ``schema.fbs``."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.verification.network import Dense, Network

# Fields of the tables, by position in schema.fbs.
_OPERATOR_CODES, _SUBGRAPHS, _BUFFERS = 1, 2, 4
_TENSORS, _OPERATORS = 0, 3
_SHAPE, _TYPE, _BUFFER = 0, 1, 2
_OPCODE, _INPUTS = 0, 1
_DATA = 0
_OLD_CODE, _CODE = 0, 3
_FULLY_CONNECTED, _MUL, _GATHER = 9, 18, 36  # BuiltinOperator
_TYPES = {0: "<f4", 2: "<i4", 4: "<i8"}  # TensorType


@dataclass(frozen=True)
class _Table:
    """A table of a FlatBuffer at ``start`` (FlatBuffers documentation, "Internals")."""

    content: bytes
    start: int

    def _place(self, field: int) -> int:
        """Return the position of a field, or 0 if the table does not have it."""
        vtable = self.start - _number(self.content, self.start, "<i")
        entry = 4 + 2 * field
        if entry >= _number(self.content, vtable, "<H"):
            return 0
        offset = _number(self.content, vtable + entry, "<H")
        return self.start + offset if offset else 0

    def number(self, field: int, form: str = "<I") -> int:
        """Return a number, 0 by default."""
        place = self._place(field)
        return _number(self.content, place, form) if place else 0

    def array(self, field: int, dtype: str) -> npt.NDArray[Any]:
        """Return a vector of numbers, empty by default."""
        place = self._place(field)
        if not place:
            return np.zeros(0, dtype)
        start = place + _number(self.content, place)
        return np.frombuffer(self.content, dtype, _number(self.content, start), start + 4)

    def tables(self, field: int) -> list["_Table"]:
        """Return a vector of tables."""
        place = self._place(field)
        start = place + _number(self.content, place)
        places = (start + 4 * (index + 1) for index in range(_number(self.content, start)))
        return [_Table(self.content, at + _number(self.content, at)) for at in places]


def _number(content: bytes, start: int, form: str = "<I") -> int:
    value: int = struct.unpack_from(form, content, start)[0]
    return value


def read(path: Path) -> Network:
    """Return the scale and the shifts of the input, and the weights of FULLY_CONNECTED in order.

    Their kernels are transposed, (units, inputs).
    """
    content = path.read_bytes()
    model = _Table(content, _number(content, 0))
    [graph] = model.tables(_SUBGRAPHS)
    tensors, buffers = graph.tables(_TENSORS), model.tables(_BUFFERS)
    codes = [_code(code) for code in model.tables(_OPERATOR_CODES)]
    scale, shifts = None, None
    dense: dict[tuple[int, ...], Dense] = {}  # the converter repeats a layer that is used twice
    for operator in graph.tables(_OPERATORS):
        code, inputs = codes[operator.number(_OPCODE)], operator.array(_INPUTS, "<i4")
        constants = [_constant(tensors[index], buffers) for index in inputs[1:] if index >= 0]
        if code == _MUL and scale is None and not dense:
            scale = np.float32(constants[0].item())
        if code == _GATHER:
            [shifts] = constants
        if code == _FULLY_CONNECTED:
            kernel, *bias = constants
            dense[tuple(inputs)] = Dense(kernel.T, bias[0] if bias else None)
    return Network(scale, tuple(dense.values()), shifts=shifts)


def _code(code: _Table) -> int:
    """Return the operator of a code; small numbers are in a field of one byte as well."""
    return max(code.number(_OLD_CODE, "<b"), code.number(_CODE, "<i"))


def _constant(tensor: _Table, buffers: list[_Table]) -> npt.NDArray[Any]:
    """Return the values of a tensor; empty if it is computed, or of another type."""
    data = buffers[tensor.number(_BUFFER)].array(_DATA, "u1")
    dtype = _TYPES.get(tensor.number(_TYPE, "<b"))
    if not data.size or dtype is None:
        return np.zeros(0, np.float32)
    return data.view(dtype).reshape(tensor.array(_SHAPE, "<i4"))
