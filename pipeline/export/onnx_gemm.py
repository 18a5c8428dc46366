"""Dense layers as Gemm while they are quantized, so that the bias is part of the operation.

onnxruntime's quantizer treats MatMul and Add as two operations, and would quantize between them. In
the file, they are two again: OpenCV does not open a Gemm with a quantized bias. onnxruntime joins
them when it opens the file, and computes in 8 bits; with a bias in float32, versions like 1.16
would not.
"""

import onnx


def with_gemm(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of a model whose products, and their sums with a bias, are Gemm."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    graph = copy.graph
    for node in [node for node in graph.node if node.op_type == "MatMul"]:
        [user] = [user for user in graph.node if node.output[0] in user.input]
        bias = [name for name in user.input if name.endswith(".bias")]
        if bias:
            graph.node.remove(user)
        output = user.output if bias else node.output
        node.CopyFrom(onnx.helper.make_node("Gemm", [*node.input, *bias], output, node.name))
    return copy


def without_gemm(graph: onnx.GraphProto) -> None:
    """Replace each Gemm of a graph by MatMul, and Add with its bias if it has one."""
    for gemm in [node for node in graph.node if node.op_type == "Gemm"]:
        name, output = gemm.name, gemm.output[0]
        *factors, bias = [*gemm.input, ""][:3]
        product = f"{name}_product" if bias else output
        if bias:
            add = onnx.helper.make_node("Add", [product, bias], [output], f"{name}_sum")
            graph.node.insert(list(graph.node).index(gemm) + 1, add)
        gemm.CopyFrom(onnx.helper.make_node("MatMul", factors, [product], name))
