"""The names, dtypes and shapes that every exported file must have, read back from the file."""

from dataclasses import dataclass
from functools import cached_property

from pipeline.errors import ModelError

INPUT = "image"
BATCH = "batch"
# For SavedModels. TensorFlow Serving expects base64 for inputs whose names end in _bytes.
SIGNATURE = "serving_default"
ENCODED_SIGNATURE = "serving_encoded"
ENCODED_INPUT = f"{INPUT}_bytes"
PNG_INPUT = "as PNG files"  # as verification names it


@dataclass(frozen=True)
class TensorSpec:
    """One input or output; in the shape, None is the batch axis, a string another dynamic axis."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]

    def __str__(self) -> str:
        shape = ", ".join(BATCH if size is None else str(size) for size in self.shape)
        return f"{self.name}: {self.dtype} [{shape}]"


def named_axis(name: str) -> str | None:
    """Return None for the name of the batch axis in ONNX, otherwise the name."""
    return None if name == BATCH else name


@dataclass(frozen=True)
class Contract:
    """The inputs and outputs of a model."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def __str__(self) -> str:
        inputs = ", ".join(map(str, self.inputs))
        return f"({inputs}) -> ({', '.join(map(str, self.outputs))})"

    @cached_property
    def image_shape(self) -> tuple[int, ...]:
        """Height, width and channels of one image."""
        return tuple(size for size in self.inputs[0].shape[1:] if isinstance(size, int))


def require_classifier(contract: Contract, name: str) -> None:
    """Check that a file of any origin takes images and returns one number for each class.

    Raises:
        ModelError: its inputs or outputs are different.
    """
    inputs = [(spec.dtype, *map(_kind, spec.shape)) for spec in contract.inputs]
    outputs = [tuple(map(_kind, spec.shape)) for spec in contract.outputs]
    if inputs == [("uint8", "batch", "size", "size", "size")] and outputs == [("batch", "size")]:
        return
    raise ModelError(
        "A model file must take uint8 images [batch, height, width, channels] and "
        f"return [batch, classes]; got {contract} in {name}. Export it with this pipeline."
    )


def _kind(size: int | str | None) -> str:
    return {type(None): "batch", int: "size", str: "free"}[type(size)]


def contract_for(output: TensorSpec, *, image_shape: tuple[int, ...]) -> Contract:
    """Return the contract of a model: uint8 images in, the output of its task out."""
    return Contract(
        inputs=(TensorSpec(INPUT, "uint8", (None, *image_shape)),),
        outputs=(output,),
    )
