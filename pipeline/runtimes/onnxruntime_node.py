"""ONNX files in onnxruntime for Node.js."""

from pipeline.runtimes.javascript import JavaScriptPredictor
from pipeline.runtimes.npm import NODE, NpmPackage
from pipeline.runtimes.registry import Runtime


class NodePredictor(JavaScriptPredictor):
    """An ONNX file in a Node.js process."""

    script = "node.mjs"


RUNTIME = Runtime(
    "onnxruntime-node",
    ("onnx", "onnx_int8", "onnx_fp16"),
    NpmPackage(("onnxruntime-node",), programs=(NODE,)),
    NodePredictor,
)
