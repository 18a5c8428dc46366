"""The format ``onnx_fp16``: weights and arithmetic in half precision."""

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from pipeline.artifacts.formats import FLOAT16
from pipeline.export.onnx_graph import finish_copy, write_checked
from pipeline.export.trained_model import TrainedModel

# onnxruntime up to 1.16 does not open a Softmax of opset 18 in float16, and sums of exponentials
# lose digits there. For the output, float32 costs nothing: it is cast in any case.
_IN_FLOAT32 = ("Softmax", "LogSoftmax")


def write(trained: TrainedModel, path: Path) -> None:
    """Write the ONNX file in float16; the output stays float32."""
    model = onnx.ModelProto.FromString(trained.onnx.SerializeToString())
    half = convert_float_to_float16(
        model, keep_io_types=True, op_block_list=[*DEFAULT_OP_BLOCK_LIST, *_IN_FLOAT32]
    )
    OnnxModel(half).topological_sort(is_deterministic=True)
    _drop_round_trips(half.graph)
    finish_copy(half, trained.onnx, trained.metadata, FLOAT16)
    write_checked(half, path)


def _drop_round_trips(graph: onnx.GraphProto) -> None:
    """Remove casts of a float32 output to float16 and back, which the converter adds."""
    makers = {node.output[0]: node for node in graph.node}
    for output in graph.output:
        widened = makers[output.name]
        rounded = makers[widened.input[0]]
        exact = makers[rounded.input[0]]
        if exact.op_type in _IN_FLOAT32:
            exact.output[0] = output.name
            graph.node.remove(widened)
            graph.node.remove(rounded)
