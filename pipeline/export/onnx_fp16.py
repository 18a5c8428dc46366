"""The format ``onnx_fp16``: weights and arithmetic in half precision."""

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from pipeline.artifacts.formats import FLOAT16
from pipeline.export.onnx_graph import normalize, write_checked
from pipeline.export.trained_model import TrainedModel


def write(trained: TrainedModel, path: Path) -> None:
    """Write the ONNX file in float16; the output stays float32."""
    model = onnx.ModelProto.FromString(trained.onnx.SerializeToString())
    half = convert_float_to_float16(model, keep_io_types=True)
    normalize(half, trained.metadata, FLOAT16)
    write_checked(half, path)
