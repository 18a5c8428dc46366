"""Every key of the configuration, with its type, its range and its default.

Those of ``data``, ``optimizer`` and ``train`` are in modules of their own.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, PrivateAttr, field_validator

from pipeline.config.data_schema import DATA_SET_PATTERN, DATA_SET_RULE, Data
from pipeline.config.model_names import RESERVED_NAMES, is_reserved
from pipeline.config.opsets import HIGHEST, LOWEST, OPSET_RULE
from pipeline.config.origin import Origin
from pipeline.config.places import Places, without_indices
from pipeline.config.sections import Section
from pipeline.config.tracking_uri import TrackingUri
from pipeline.config.training_schema import CLUSTER_PATTERN, CLUSTER_RULE, Optimizer, Train

Units = Annotated[int, Field(ge=1, le=65_536)]
# A task is a module of this name in pipeline/tasks/.
TaskName = Literal["multiclass", "binary", "regression"]
# A format is a module of this name in pipeline/export/; onnx_int8 is a copy of onnx.
FormatName = Literal["saved_model", "onnx", "keras", "litert", "onnx_int8", "onnx_fp16", "openvino"]
Fraction = Annotated[float, Field(ge=0, le=1)]
_LABEL = r"^\w+$"
_LICENSE = r"^[A-Za-z0-9][A-Za-z0-9.+-]*$"
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
PATTERN_RULES = {
    DATA_SET_PATTERN: DATA_SET_RULE,
    CLUSTER_PATTERN: CLUSTER_RULE,
    _LABEL: "a word of letters, digits and _",
    _LICENSE: "an identifier of letters, digits, ., + and -, such as Apache-2.0 or CC-BY-4.0",
    NAME_PATTERN: "text of letters, digits, - and _ that begins with a letter or digit",
}


class Model(Section):
    """A dense network; the input is flattened and scaled to 0..1."""

    hidden: tuple[Units, ...] = Field(
        (512, 512), description="Units of each hidden layer; [] is a softmax classifier."
    )
    activation: str = Field(
        "relu",
        description="Activation of the hidden layers, by its Keras name; linear for none.",
    )
    output: Literal["softmax", "sigmoid", "tanh", "linear", "relu"] | None = Field(
        None,
        description="softmax for the task multiclass; sigmoid (default) or tanh for binary; linear "
        "(default) or relu for regression.",
    )
    input: Literal["scaled", "standardized"] = Field(
        "scaled",
        description="The pixels in training: scaled to 0..1, or standardized with the mean and "
        "standard deviation of the training images, which are folded into the weights afterwards.",
    )
    initializer: str = Field(
        "glorot_uniform", description="Initializer of the weights, by its Keras name."
    )
    output_initializer: str | None = Field(
        None, description="Initializer of the output layer, if it differs."
    )
    l2: float = Field(0.0, ge=0, description="Factor of the L2 penalty on the weights.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout rate after each hidden layer.")
    average: Literal["shifts"] | None = Field(
        None,
        description="shifts: the evaluated and exported model returns the mean output for the "
        "image itself and for the image moved by 1 pixel up, down, left and right, where the "
        "pixels at the edge are repeated. It takes about 5 times as long; training is the same.",
    )
    members: int = Field(
        1,
        ge=1,
        le=100,
        description="Networks of a committee, trained one after another with seeds derived from "
        "train.seed; the evaluated and exported model returns the mean of their outputs.",
    )


class Export(Section):
    """The files to write."""

    formats: tuple[FormatName, ...] = Field(
        ("saved_model", "onnx", "keras"),
        min_length=1,
        description="openvino needs the extra runtimes; onnx_int8 and onnx_fp16 are copies of "
        "onnx, published only if they are smaller and accurate enough.",
    )
    opset: int = Field(
        LOWEST,
        json_schema_extra={"minimum": LOWEST, "maximum": HIGHEST},
        description="The opset version of ONNX files; older runtimes need lower versions, and the "
        "network computes the same in all of them.",
    )
    max_accuracy_drop: float = Field(
        0.2,
        ge=0,
        le=100,
        description="Percentage points of validation accuracy that a copy in lower precision may "
        "lose; if it loses more, it is left out.",
    )
    max_rmse_increase: float = Field(
        2.0, ge=0, description="The same for regression, in percent of the RMSE."
    )

    @field_validator("formats")
    @classmethod
    def _names_differ(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(formats)) < len(formats):
            raise ValueError("a list without duplicates")
        for source in get_args(FormatName):
            copies = sorted(name for name in formats if name.startswith(f"{source}_"))
            if copies and source not in formats:
                raise ValueError(f"a list with {source}, the source of {' and '.join(copies)}")
        return formats

    @field_validator("opset")
    @classmethod
    def _opset_is_proven(cls, opset: int) -> int:
        if not LOWEST <= opset <= HIGHEST:
            raise ValueError(OPSET_RULE)
        return opset


class Verify(Section):
    """The runtimes that verify every exported file."""

    runtimes: tuple[str, ...] | None = Field(
        None, description="By default, all that are installed; pipeline doctor lists them."
    )


class Publish(Section):
    """The quality that publishing requires, on the validation set, and the label to move."""

    min_accuracy: Fraction = Field(0.0, description="Minimum accuracy on the validation set.")
    min_accuracy_on_sample: Fraction = Field(
        0.0, description="The same for runs on the sample of 5,000 digits."
    )
    max_rmse: Annotated[float, Field(ge=0)] | None = Field(
        None, description="For regression: maximum RMSE on the validation set."
    )
    max_rmse_on_sample: Annotated[float, Field(ge=0)] | None = Field(
        None, description="The same for runs on the sample of 5,000 digits."
    )
    label: Annotated[str, Field(pattern=_LABEL)] | None = Field(
        "stable", description="The label that moves to the new version; null for none."
    )
    license: Annotated[str, Field(max_length=100, pattern=_LICENSE)] | None = Field(
        None,
        description="The license of the model by its SPDX identifier, such as Apache-2.0, for the "
        "model card.",
    )
    sign: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="A file with an ECDSA private key (PEM), which signs the version; needs the "
        "extra signing.",
    )


class Track(Section):
    """Where runs are tracked; no stage depends on it."""

    mlflow: TrackingUri = Field(
        description="local for the file runs/mlflow.db, or the URI of an MLflow server or SQLite "
        "file, without credentials; needs the extra mlflow.",
    )


class Config(Section):
    """One run: data, model, training, export, publication."""

    name: str = Field(
        max_length=100,
        pattern=NAME_PATTERN,
        description="The name the model is published under.",
    )
    data: Data = Data()
    task: TaskName = "multiclass"
    model: Model = Model()
    optimizer: Optimizer = Optimizer()
    train: Train = Train()
    export: Export = Export()
    verify: Verify = Verify()
    publish: Publish = Publish()
    track: Track | None = None
    _places: Places = PrivateAttr(default_factory=lambda: Places("the configuration"))
    _origin: Origin = PrivateAttr(default_factory=Origin)

    @field_validator("name")
    @classmethod
    def _is_not_reserved(cls, name: str) -> str:
        if is_reserved(name):
            reserved = " and ".join(sorted(RESERVED_NAMES))
            raise ValueError(f"a name other than {reserved}, which are paths of the server")
        return name

    def with_places(self, places: Places) -> "Config":
        """Remember where each key was set, and return the configuration."""
        self._places = places
        return self

    def place_of(self, key: str) -> str:
        """Return where a key was set, for messages: "configs/mlp.yaml, line 7"."""
        return self._places.of(without_indices(tuple(key.split("."))))

    def with_origin(self, origin: Origin) -> "Config":
        """Remember the file and the overrides, and return the configuration."""
        self._origin = origin
        return self

    @property
    def origin(self) -> Origin:
        """The file that the configuration was read from, and the overrides."""
        return self._origin

    @property
    def changes(self) -> dict[str, Any]:
        """The dotted keys that the overrides changed against the file alone, with their values."""
        return self._origin.changes
