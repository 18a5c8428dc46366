"""The classes that the configuration of a Keras file may name, by Keras' public modules.

Layers with code of their own (``Lambda``, ``TFSMLayer``), with files (``StringLookup``,
``TextVectorization``) or with random transformations are not among them.
"""

from pipeline.runtimes.allowed.names import names

_LAYERS = names(
    """
    Activation ActivityRegularization Add AlphaDropout Average AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization Concatenate Conv1D Conv1DTranspose Conv2D
    Conv2DTranspose Conv3D Conv3DTranspose Cropping1D Cropping2D Cropping3D Dense
    DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Flatten GaussianDropout
    GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization Identity
    InputLayer LayerNormalization LeakyReLU MaxPooling1D MaxPooling2D MaxPooling3D Maximum
    Minimum Multiply Normalization PReLU Permute RMSNormalization ReLU RepeatVector Rescaling
    Reshape SeparableConv1D SeparableConv2D Softmax SpatialDropout1D SpatialDropout2D
    SpatialDropout3D Subtract UnitNormalization UpSampling1D UpSampling2D UpSampling3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """
)
_INITIALIZERS = names(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer
    LecunNormal LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform
    TruncatedNormal VarianceScaling Zeros
    """
)
CLASSES = {
    "keras": frozenset({"DTypePolicy", "Functional", "Model", "Sequential"}),
    "keras.models": frozenset({"Functional", "Model", "Sequential"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.layers": _LAYERS,
    "keras.src.ops.numpy": frozenset({"Reshape", "Take"}),  # functions of keras.ops in a model
    "keras.initializers": _INITIALIZERS,
    "keras.regularizers": frozenset({"L1", "L1L2", "L2", "OrthogonalRegularizer"}),
    "keras.constraints": frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"}),
}
VALUES = frozenset({"__keras_tensor__", "__numpy__", "__tensor__"})  # data, without a module
