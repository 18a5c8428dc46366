"""The operators of ONNX files: arithmetic of dense, convolutional and recurrent networks.

Not allowed are operators of other domains than the standard one (custom operators), control flow
and functions (a small file could compute forever), random numbers, strings and sequences.
"""

from collections.abc import Iterator

from pipeline.runtimes.allowed.messages import Message, Reader
from pipeline.runtimes.allowed.names import names

OPERATORS = names(
    """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization
    BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu CenterCropPad
    Clip Compress Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum
    DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp
    Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool
    GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish
    Hardmax Identity InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu
    Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max MaxPool Mean
    MeanVarianceNormalization Min Mish Mod Mul Neg NonZero Not OneHot Or PRelu Pad Pow
    QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN Range Reciprocal ReduceL1
    ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Relu Reshape Resize ReverseSequence Round Scatter ScatterElements ScatterND
    Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth
    Split Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu
    Unsqueeze Upsample Where Xor
    """
)
_STANDARD_DOMAINS = {"", "ai.onnx"}

# Field numbers of onnx.proto.
_GRAPH, _TRAINING, _FUNCTION = 7, 20, 25  # of a model
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13  # of a graph
_OPERATOR, _ATTRIBUTE, _DOMAIN = 4, 5, 7  # of a node
_SUBGRAPHS = (6, 11)  # of an attribute
_DATA_TYPE, _STRING = 2, 8  # of a tensor
_TYPE, _TENSOR, _ELEMENT = 2, 1, 1  # of a value, of its type, of a tensor type
_OTHER_TYPES = {4: "sequence", 5: "map", 7: "opaque", 8: "sparse tensor", 9: "optional"}


def disallowed(content: bytes) -> list[str]:
    """Return everything in the content of an ONNX file that is not allowed, such as ``Loop``.

    Raises:
        ValueError: it is not an ONNX file.
    """
    reader, model = Reader(), memoryview(content)
    found = [f"the function {name}" for name in reader.texts(model, _FUNCTION, 1)]
    found += ["training information" for _ in reader.inside(model, _TRAINING)]
    for graph in reader.inside(model, _GRAPH):
        for node in reader.inside(graph, _NODE):
            found += _in_node(reader, node)
        found += _in_values(reader, graph)
        tensors = reader.inside(graph, _INITIALIZER)
        found += [
            "a tensor of strings" for t in tensors if _STRING in reader.numbers(t, _DATA_TYPE)
        ]
    return found


def _in_node(reader: Reader, node: Message) -> Iterator[str]:
    domains = [name for name in reader.texts(node, _DOMAIN) if name not in _STANDARD_DOMAINS]
    # A field that occurs twice counts as its last value, or as both: every value is checked.
    for operator in reader.texts(node, _OPERATOR) or ["(unnamed)"]:
        if domains:
            yield f"{domains[0]}.{operator}"
        elif operator not in OPERATORS:
            yield operator
        elif any(reader.inside(node, _ATTRIBUTE, number) for number in _SUBGRAPHS):
            yield f"{operator} with a graph inside"


def _in_values(reader: Reader, graph: Message) -> Iterator[str]:
    for number in (_INPUT, _OUTPUT, _VALUE_INFO):
        for kind in reader.inside(graph, number, _TYPE):
            yield from (
                f"a value of the type {name}"
                for other, name in _OTHER_TYPES.items()
                if reader.inside(kind, other)
            )
            tensors = reader.inside(kind, _TENSOR)
            if any(_STRING in reader.numbers(tensor, _ELEMENT) for tensor in tensors):
                yield "a value of the type string"
