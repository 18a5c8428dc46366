"""The keys of ``optimizer`` and ``train``."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.config.augment_schema import Augment
from pipeline.config.sections import NamedWithArguments, Section

# Methods of SciPy: a class of this name is in pipeline/models/full_gradient.py.
FULL_GRADIENT_METHODS = ("conjugate_gradient", "l_bfgs")
CLUSTER_PATTERN = r"^(auto|[^/\s]+:[0-9]+)$"
CLUSTER_RULE = "the HOST:PORT of a running Ray cluster, or auto"
_USER_CODE = re.compile(r"(?P<file>.+\.py):(?P<name>\w+)$")


class Schedule(NamedWithArguments):
    """A learning-rate schedule by its Keras name, with that class's arguments."""

    warmup: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="For cosine: the share of the steps in which the rate first rises from 0.",
    )

    @field_validator("name")
    @classmethod
    def _normalize(cls, name: str) -> str:
        """Return CosineDecay, cosine_decay and Cosine as cosine: they are the same run."""
        snake_case = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        return snake_case.replace("_decay", "")

    @model_validator(mode="after")
    def _warms_up_once(self) -> "Schedule":
        if not self.warmup:
            return self
        if self.name != "cosine":
            raise ValueError(f"cosine if warmup is set (remove warmup to use {self.name})")
        if repeated := {"warmup_steps", "warmup_target", "initial_learning_rate"} & {
            *self.arguments
        }:
            raise ValueError(
                f"a section with either warmup or {min(repeated)}, not both (warmup already sets "
                "the rates and the steps)"
            )
        return self


class Optimizer(NamedWithArguments):
    """An optimizer by its Keras name, or a full-gradient method, with that class's arguments."""

    name: str = "sgd"
    learning_rate: float | None = Field(
        None, gt=0, description="By default, that of the Keras class."
    )
    schedule: Schedule | None = None
    weight_decay_on: Literal["all", "kernels"] = Field(
        "all",
        description="The weights that weight_decay applies to: all, or only the kernels (no "
        "biases).",
    )

    scale_with_batch: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="The batch size that learning_rate is for: the rate is multiplied by "
        "train.batch_size divided by this.",
    )

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
    augment: Augment | None = Field(
        None, description="Random changes of the training images; none by default."
    )
    adversarial: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Train on images changed by the fast gradient sign method: how far each pixel "
        "moves in the direction that raises the loss, in 0..1.",
    )
    callbacks: tuple[Callback, ...] = Field(
        (), description="Keras callbacks, or your own; called at the boundaries of epochs."
    )
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        "float32", description="Keras dtype policy of the hidden layers during training."
    )
    compiler: Literal["auto", "xla", "graph"] = Field(
        "auto",
        description="Compiler of the training steps; auto is XLA, or a graph where XLA fails or is "
        "slower.",
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        None,
        description="Threads of TensorFlow's operations, by default one per core; a different "
        "number changes how sums are rounded.",
    )
    memory_mb: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Memory for training images, in 10^6 bytes; a larger set is streamed from disk."
        " By default, the whole set is in memory.",
    )
    workers: Annotated[int, Field(ge=1, le=1024)] = Field(
        1,
        description="Processes that train together, each on its share of every batch; see "
        "Distributed training.",
    )
    cluster: Annotated[str, Field(pattern=CLUSTER_PATTERN)] | None = Field(
        None,
        description="The Ray cluster whose nodes run the workers: HOST:PORT or auto. By default, "
        "Ray is started on this machine, unless TF_CONFIG names the workers.",
    )
    join_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        300, description="Seconds within which all workers must have joined."
    )
    lost_seconds: Annotated[int, Field(ge=1, le=3_600)] = Field(
        30, description="Seconds of silence after which a worker counts as lost."
    )
    average_every: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Steps that each worker takes alone, on its share of the batches, before the "
        "weights of all are averaged. By default, workers add their gradients in every step.",
    )
