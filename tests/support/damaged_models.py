"""ONNX files with one change each."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx


def change_onnx(change: Callable[[onnx.ModelProto], None], name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        model = onnx.load(folder / name)
        change(model)
        onnx.save(model, folder / name)

    return damage


def one_weight(model: onnx.ModelProto) -> None:
    """Change weights of a pixel in the middle, where digits have ink."""
    tensor = max(model.graph.initializer, key=lambda t: len(t.raw_data))
    values = onnx.numpy_helper.to_array(tensor).copy()
    values[14 * 28 + 14 : 14 * 28 + 17] = 60 if values.dtype == np.int8 else 3
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def rename_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "probs"
    for node in model.graph.node:
        node.output[:] = ["probs" if name == "probabilities" else name for name in node.output]
        node.name = "probs" if node.name == "probabilities" else node.name


def fix_batch(model: onnx.ModelProto) -> None:
    del model.graph.value_info[:]  # has the free axis; tract refuses a file that contradicts itself
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 32
