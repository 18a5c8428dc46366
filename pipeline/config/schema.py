"""Every key of the configuration, with its type, its range and its default."""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, PrivateAttr, field_validator

from pipeline.config.data_schema import DATA_SET_PATTERN, DATA_SET_RULE, Data
from pipeline.config.model_names import RESERVED_NAMES, is_reserved
from pipeline.config.origin import Origin
from pipeline.config.places import Places, without_indices
from pipeline.config.sections import NamedWithArguments, Section
from pipeline.config.tracking_uri import TrackingUri

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
    _LABEL: "a word of letters, digits and _",
    _LICENSE: "an identifier of letters, digits, ., + and -, such as Apache-2.0 or CC-BY-4.0",
    NAME_PATTERN: "text of letters, digits, - and _ that begins with a letter or digit",
}
_USER_CODE = re.compile(r"(?P<file>.+\.py):(?P<name>\w+)$")


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
    initializer: str = Field(
        "glorot_uniform", description="Initializer of the weights, by its Keras name."
    )
    l2: float = Field(0.0, ge=0, description="Factor of the L2 penalty on the weights.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout rate after each hidden layer.")


class Schedule(NamedWithArguments):
    """A learning-rate schedule by its Keras name, with that class's arguments."""

    @field_validator("name")
    @classmethod
    def _normalize(cls, name: str) -> str:
        """Return CosineDecay, cosine_decay and Cosine as cosine: they are the same run."""
        snake_case = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        return snake_case.replace("_decay", "")


# Methods of SciPy: a class of this name is in pipeline/models/full_gradient.py.
FULL_GRADIENT_METHODS = ("conjugate_gradient", "l_bfgs")


class Optimizer(NamedWithArguments):
    """An optimizer by its Keras name, or a full-gradient method, with that class's arguments."""

    name: str = "sgd"
    learning_rate: float | None = Field(
        None, gt=0, description="By default, that of the Keras class."
    )
    schedule: Schedule | None = None

    @field_validator("name")
    @classmethod
    def _normalize(cls, name: str) -> str:
        """Return Adam as adam: they are the same run."""
        return name.lower()

    @property
    def needs_full_gradient(self) -> bool:
        """Whether it is a method of SciPy, which needs the gradient over all images."""
        return self.name in FULL_GRADIENT_METHODS


class EarlyStopping(Section):
    """Stop when a value on the validation set stops improving, and restore the best weights."""

    monitor: Literal["val_loss", "val_accuracy", "val_mae"] = "val_loss"
    patience: int = Field(3, ge=0, description="Epochs without improvement before training stops.")
    min_delta: float = Field(0.0, ge=0, description="The smallest change that counts.")


class Callback(NamedWithArguments):
    """A Keras callback by its name, or your own as ``FILE.py:CLASS``, with its arguments."""

    @property
    def files(self) -> tuple[str, ...]:
        """The Python files that the name and the arguments refer to as ``FILE.py:NAME``."""
        found = map(self.parse_user_code, (self.name, *self.arguments.values()))
        return tuple(reference[0] for reference in found if reference)

    @staticmethod
    def parse_user_code(value: Any) -> tuple[str, str] | None:
        """Return the file and the name of a ``FILE.py:NAME`` value, else None."""
        match = _USER_CODE.match(value) if isinstance(value, str) else None
        return (match["file"], match["name"]) if match else None


class Train(Section):
    """How the network is trained."""

    batch_size: Annotated[int, Field(ge=1)] | Literal["full"] = Field(
        128, description="Images per step; full computes the gradient over all of them."
    )
    epochs: int = Field(
        10,
        ge=1,
        description="Passes over the training images; for conjugate_gradient and l_bfgs, their "
        "iterations.",
    )
    loss: Literal["cross_entropy", "squared", "absolute"] | None = Field(
        None,
        description="cross_entropy for classification; squared, (f - y)^2 / 2 (default), or "
        "absolute, |f - y|, for regression.",
    )
    seed: int = Field(
        0, ge=0, le=2**31 - 1, description="Seed of the weights, the shuffling and dropout."
    )
    early_stopping: EarlyStopping | None = None
    callbacks: tuple[Callback, ...] = Field(
        (), description="Keras callbacks, or your own; called at the boundaries of epochs."
    )
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        "float32", description="Keras dtype policy of the hidden layers during training."
    )
    compiler: Literal["auto", "xla", "graph"] = Field(
        "auto",
        description="Compiler of the training steps; auto is XLA, or a graph where that is better.",
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        None,
        description="Threads of TensorFlow's operations, by default one per core; another number "
        "rounds sums differently.",
    )
    memory_mb: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Memory for training images, in 10^6 bytes; a larger set is streamed from disk."
        " By default, the whole set is in memory.",
    )


class Export(Section):
    """The files to write."""

    formats: tuple[FormatName, ...] = Field(
        ("saved_model", "onnx", "keras"),
        min_length=1,
        description="openvino needs the extra runtimes; onnx_int8 and onnx_fp16 are copies of "
        "onnx, published only if they are smaller and accurate enough.",
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
