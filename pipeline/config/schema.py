"""Every key of the configuration, with its type, its range and its default."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator

Units = Annotated[int, Field(ge=1, le=65_536)]
# A task is a module of this name in pipeline/tasks/.
TaskName = Literal["multiclass"]
Fraction = Annotated[float, Field(ge=0, le=1)]
_OWN_CODE = re.compile(r"(?P<file>.+\.py):(?P<name>\w+)$")


class Section(BaseModel):
    """A part of the configuration: no unknown keys, no conversions, no changes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )


class Data(Section):
    """Which images, and where their files come from."""

    name: str = Field(
        "mnist",
        pattern=r"^[a-z0-9_]+(/[\w.-]+)?(:\d+\.\d+\.\d+)?$",
        description="A TensorFlow Datasets image-classification set: mnist, emnist/letters, ...",
    )
    validation: int = Field(
        5000, ge=1, description="Training images set aside, stratified by class."
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the split.")
    offline: Literal["sample", "fail"] = Field(
        "sample", description="Without the data: go on with 5,000 digits of MNIST, or fail."
    )
    manual_dir: str | None = Field(
        None,
        description="A folder with the files as TensorFlow Datasets names them; "
        "else the environment variable PIPELINE_MANUAL_DIR.",
    )
    tfds_dir: str | None = Field(
        None,
        description="Where TensorFlow Datasets keeps prepared sets; "
        "else TFDS_DATA_DIR, else ~/tensorflow_datasets.",
    )
    mirrors: tuple[HttpUrl, ...] | None = Field(
        None,
        description="Addresses of folders with the same files; by default the known ones.",
    )


class Model(Section):
    """A dense network; the input is flattened and scaled to 0..1, the output is a softmax."""

    hidden: tuple[Units, ...] = Field(
        (512, 512), description="Units of each hidden layer; [] is the softmax classifier."
    )
    activation: str = Field(
        "relu", description="Of the hidden layers, by its Keras name; linear for none."
    )
    initializer: str = Field("glorot_uniform", description="Of the weights, by its Keras name.")
    l2: float = Field(0.0, ge=0, description="Factor of the L2 penalty on the weights.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Rate after each hidden layer.")


class Schedule(Section):
    """A learning-rate schedule by its Keras name, with that class's arguments."""

    model_config = ConfigDict(extra="allow")

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments for the Keras class, as written."""
        return dict(self.model_extra or {})


class Optimizer(Section):
    """An optimiser by its Keras name, with that class's arguments."""

    model_config = ConfigDict(extra="allow")

    name: str = "sgd"
    learning_rate: float | None = Field(
        None, gt=0, description="By default that of the Keras class."
    )
    schedule: Schedule | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments for the Keras class, as written, besides the learning rate."""
        return dict(self.model_extra or {})


class EarlyStopping(Section):
    """Stop when the validation set gets no better; the best weights are restored."""

    monitor: Literal["val_loss", "val_accuracy"] = "val_loss"
    patience: int = Field(3, ge=0, description="Epochs without improvement that are waited for.")
    min_delta: float = Field(0.0, ge=0, description="The least change that is an improvement.")


class Callback(Section):
    """A Keras callback by its name, or one's own as ``FILE.py:CLASS``, with its arguments."""

    model_config = ConfigDict(extra="allow")

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments for the class, as written."""
        return dict(self.model_extra or {})

    @property
    def files(self) -> tuple[str, ...]:
        """The Python files that the name and the arguments refer to as ``FILE.py:NAME``."""
        found = map(self.own_code, (self.name, *self.arguments.values()))
        return tuple(reference[0] for reference in found if reference)

    @staticmethod
    def own_code(value: Any) -> tuple[str, str] | None:
        """Return file and name where a value is ``FILE.py:NAME``, else None."""
        match = _OWN_CODE.match(value) if isinstance(value, str) else None
        return (match["file"], match["name"]) if match else None


class Train(Section):
    """How the network is trained."""

    batch_size: Annotated[int, Field(ge=1)] | Literal["full"] = Field(
        128, description="Images a step: 1 is SGD, full is the full gradient."
    )
    epochs: int = Field(10, ge=1)
    seed: int = Field(
        0, ge=0, le=2**31 - 1, description="Of the weights, the shuffling and dropout."
    )
    early_stopping: EarlyStopping | None = None
    callbacks: tuple[Callback, ...] = Field(
        (), description="Keras callbacks, or one's own, called at the ends of epochs."
    )
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        "float32", description="Keras' dtype policy of the hidden layers while training."
    )
    compiler: Literal["auto", "xla", "graph"] = Field(
        "auto", description="What runs the steps; auto is XLA, or a graph where that is better."
    )
    memory_mb: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Memory for training images, in 10^6 bytes; a larger set is streamed from disk."
        " By default the whole set lies in memory.",
    )


class Export(Section):
    """Which files are written."""

    formats: tuple[
        Literal["saved_model", "onnx", "keras", "litert", "onnx_int8", "onnx_fp16", "openvino"],
        ...,
    ] = Field(
        ("saved_model", "onnx", "keras"),
        min_length=1,
        description="openvino needs the extra runtimes; onnx_int8 and onnx_fp16 are copies of "
        "onnx, published only if they earn it.",
    )
    max_accuracy_drop: float = Field(
        0.2,
        ge=0,
        le=100,
        description="Percentage points of accuracy on the validation set that a copy in lower "
        "precision may lose; else it is left out.",
    )

    @field_validator("formats")
    @classmethod
    def _names_differ(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(formats)) < len(formats):
            raise ValueError("a list of formats that differ")
        copies = {"onnx_int8", "onnx_fp16"} & set(formats)
        if copies and "onnx" not in formats:
            raise ValueError(f"a list with onnx, which {' and '.join(sorted(copies))} is made from")
        return formats


class Verify(Section):
    """Where every exported file is proven."""

    runtimes: tuple[str, ...] | None = Field(
        None, description="Only these; by default all that are installed. See pipeline doctor."
    )


class Publish(Section):
    """What a model must reach to be published; measured on the validation set."""

    min_accuracy: Fraction = Field(0.0, description="On the validation set.")
    min_accuracy_on_sample: Fraction = Field(
        0.0, description="The same where the run went on with the sample of 5,000 digits."
    )
    label: Annotated[str, Field(pattern=r"^\w+$")] | None = Field(
        "stable", description="The label that moves to the new version; null for none."
    )


class Config(Section):
    """One run: data, model, training, export, publication."""

    name: str = Field(
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
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
