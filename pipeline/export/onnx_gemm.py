"""Dense layers as Gemm while they are quantized, so that the bias is part of the operation.

onnxruntime's quantizer treats MatMul and Add as two operations, and would quantize between them. In
the file, they are two again, with the bias in float32: OpenCV does not open a Gemm with a quantized
bias, and quantizing the bias saves nothing.
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


def without_gemm(graph: onnx.GraphProto, original: onnx.GraphProto) -> None:
    """Replace each Gemm of a quantized graph by MatMul and Add, with the bias of the original."""
    biases = {tensor.name: tensor for tensor in original.initializer}
    makers = {node.output[0]: node for node in graph.node}
    for gemm in [node for node in graph.node if node.op_type == "Gemm"]:
        name, output, factors = gemm.name, gemm.output[0], gemm.input[:2]
        product = f"{name}_product"
        for bias in gemm.input[2:]:
            add = onnx.helper.make_node("Add", [product, bias], [output], f"{name}_sum")
            graph.node.insert(list(graph.node).index(gemm) + 1, add)
            graph.node.remove(makers[bias])  # which dequantizes it
            graph.initializer.append(biases[bias])
        outputs = [product] if gemm.input[2:] else [output]
        gemm.CopyFrom(onnx.helper.make_node("MatMul", factors, outputs, name))
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
