"""The format ``onnx``: opset 18, names of the contract, the same bytes for the same weights."""

from pathlib import Path
from typing import Any

import keras
import onnx
import tf2onnx

from pipeline.export.contract import BATCH, Contract
from pipeline.export.serving import serving_function

OPSET = 18  # the newest that tf2onnx 1.17 writes


def write_onnx(model: keras.Model, contract: Contract, path: Path) -> None:
    """Write the model as one ONNX file."""
    serve = serving_function(model, contract)
    tf2onnx.utils.INTERNAL_NAME = 1  # its counter of names lives as long as the process
    converted, _ = tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=OPSET
    )
    _name_batch_axis(converted)
    converted.doc_string = ""
    onnx.checker.check_model(converted, full_check=True)
    path.write_bytes(converted.SerializeToString(deterministic=True))


def _name_batch_axis(model: Any) -> None:
    """tf2onnx calls a free axis ``unk__39``; the number is a counter's."""
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    del model.graph.value_info[:]  # holds the old names of the axis; runtimes infer it anew
