"""The operators of SavedModels: arithmetic, and what TensorFlow writes around it.

Not on the list: files, printing (which can write to files), Python, random numbers, tables and
other resources than variables, changes of variables, and communication.
"""

from pipeline.runtimes.allowed.names import names

_ARITHMETIC = """
    Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin Asin Asinh Atan Atan2 Atanh AvgPool
    AvgPool3D BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd BroadcastArgs
    BroadcastTo Cast Ceil Clip ClipByValue Concat ConcatV2 Const Conv Conv2D Conv2DBackpropInput
    Conv3D Conv3DBackpropInputV2 Cos Cosh Cumprod Cumsum DepthToSpace DepthwiseConv2dNative
    Digamma Div DivNoNan Einsum Elu EnsureShape Equal Erf Erfc Exp ExpandDims Expm1 Fill Floor
    FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2
    Greater GreaterEqual Identity IdentityN Inv InvertPermutation IsFinite IsInf IsNan L2Loss
    LRN LeakyRelu Less LessEqual Lgamma LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot
    LogicalOr MatMul MatrixBandPart MatrixDiag MatrixDiagPart Max MaxPool MaxPool3D MaxPoolV2
    Maximum Mean Min Minimum MirrorPad Mod Mul MulNoNan Neg NextAfter NotEqual OneHot OnesLike
    Pack Pad PadV2 Pow PreventGradient Prod Range Rank RealDiv Reciprocal Relu Relu6 Reshape
    ResizeBilinear ResizeNearestNeighbor Reverse ReverseV2 Rint Round Rsqrt ScatterNd SegmentSum
    Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Sinh Size Slice Snapshot Softmax Softplus
    Softsign SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze
    StopGradient StridedSlice Sub Sum Tan Tanh TensorScatterUpdate Tile TopKV2 Transpose
    TruncateDiv TruncateMod Unpack UnsortedSegmentSum Where Xdivy Xlogy ZerosLike
    """
# Inputs, variables that are read, and calls of functions, whose operators are checked as well.
_STRUCTURE = """
    Assert DisableCopyOnRead NoOp PartitionedCall Placeholder PlaceholderWithDefault
    ReadVariableOp ResourceGather StatefulPartitionedCall VarHandleOp VarIsInitializedOp
    """
# The signature for encoded images decodes each of a batch (export/signatures.py).
_ENCODED_IMAGES = """
    DecodeImage DecodeJpeg DecodePng StatelessWhile TensorListFromTensor TensorListGetItem
    TensorListReserve TensorListSetItem TensorListStack While
    """
OPERATORS = names(_ARITHMETIC + _STRUCTURE + _ENCODED_IMAGES)

# In the graph itself, where Keras writes the initial values of variables. Loaders of TensorFlow 2
# run only functions.
OF_GRAPH = OPERATORS | {"AssignVariableOp"}
# Only in the functions that TensorFlow adds to save and restore the variables.
OF_SAVERS = OPERATORS | {
    "AssignVariableOp", "MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename",
    "StaticRegexFullMatch", "StringJoin",
}  # fmt: skip
