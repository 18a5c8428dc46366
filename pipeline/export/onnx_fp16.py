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
# What averages outputs: in float32 too, without casts in between.
_AVERAGING = ("Reshape", "Concat", "ReduceMean")


def write(trained: TrainedModel, path: Path) -> None:
    """Write the ONNX file in float16; the output stays float32."""
    model = onnx.ModelProto.FromString(trained.onnx.SerializeToString())
    half = convert_float_to_float16(
        model,
        keep_io_types=True,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, *_IN_FLOAT32],
        node_block_list=_averaging(model.graph),
    )
    OnnxModel(half).topological_sort(is_deterministic=True)
    _drop_round_trips(half.graph)
    finish_copy(half, trained.onnx, trained.metadata, FLOAT16)
    write_checked(half, path)


def _averaging(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the nodes at the end that average outputs, and of those between them."""
    makers = {node.output[0]: node for node in graph.node}
    waiting, found = [value.name for value in graph.output], list[str]()
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node.op_type in _AVERAGING:
            found.append(node.name)
            waiting += node.input
    return found


def _drop_round_trips(graph: onnx.GraphProto) -> None:
    """Remove casts of float32 results to float16 and back, which the converter adds."""
    makers = {node.output[0]: node for node in graph.node}
    outputs = {output.name for output in graph.output}
    for widened in [node for node in graph.node if node.op_type == "Cast"]:
        rounded = makers.get(widened.input[0])
        exact = makers.get(rounded.input[0]) if rounded and rounded.op_type == "Cast" else None
        if rounded is None or exact is None or exact.op_type not in (*_IN_FLOAT32, *_AVERAGING):
            continue
        old, new = widened.output[0], exact.output[0]
        if old in outputs:
            exact.output[0] = old
        for node in graph.node:
            node.input[:] = [new if name == old else name for name in node.input]
        graph.node.remove(widened)
        graph.node.remove(rounded)
