"""The layers of OpenVINO files (``model.xml``, with the weights in ``model.bin``)."""

from pathlib import Path
from xml.parsers import expat  # the pull parser below refuses entities before they are expanded

from pipeline.runtimes.allowed.names import names

LAYERS = names(
    """
    Abs Acos Acosh Add Asin Asinh Atan Atanh AvgPool BatchNormInference BatchToSpace Broadcast
    Ceiling Clamp Concat Const Convert ConvertLike Convolution ConvolutionBackpropData Cos Cosh
    CumSum DepthToSpace Divide Einsum Elu Equal Erf Exp Eye FakeQuantize Floor FloorMod GELU
    Gather GatherElements GatherND Gelu Greater GreaterEqual GroupConvolution
    GroupConvolutionBackpropData GroupNormalization HSigmoid HSwish HardSigmoid Interpolate
    IsFinite IsInf IsNaN LRN LSTMCell LSTMSequence GRUCell GRUSequence Less LessEqual Log
    LogSoftmax LogicalAnd LogicalNot LogicalOr LogicalXor MVN MatMul MaxPool Maximum Minimum
    Mish Mod Multiply Negative NormalizeL2 NotEqual OneHot PReLU PRelu Pad Parameter Power RNNCell
    RNNSequence Range ReLU ReduceL1 ReduceL2 ReduceLogicalAnd ReduceLogicalOr ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape Result Reverse ReverseSequence Round
    ScatterElementsUpdate ScatterNDUpdate ScatterUpdate Select Selu ShapeOf Sigmoid Sign Sin
    Sinh Slice SoftMax SoftPlus SoftSign Softmax SpaceToBatch SpaceToDepth Split Sqrt
    SquaredDifference Squeeze StridedSlice Subtract Swish Tan Tanh Tile TopK Transpose Unsqueeze
    VariadicSplit
    """
)
_OPERATOR_SETS = "opset"  # others are extensions, in libraries of their own


def disallowed(path: Path) -> list[str]:
    """Return everything in an OpenVINO file that is not allowed, such as ``Loop``.

    Raises:
        ValueError: it is not an XML file in UTF-8.
    """
    found: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "layer":
            found.extend(_in_layer(attributes))

    def doctype(*_: object) -> None:
        raise ValueError("it must not have a DOCTYPE")

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        raise ValueError(f"it is not XML ({error})") from error
    weights = path.with_suffix(".bin")
    if weights.is_symlink() and weights.resolve().parent != path.resolve().parent:
        found.append(f"the link {weights.name}")
    return found


def _in_layer(attributes: dict[str, str]) -> list[str]:
    kind, version = attributes.get("type", "(unnamed)"), attributes.get("version", "")
    if not version.removeprefix(_OPERATOR_SETS).isdecimal() or version.isdecimal():
        return [f"{version}.{kind}"]
    return [] if kind in LAYERS else [kind]
