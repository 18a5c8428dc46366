"""The section ``data`` of the configuration."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, HttpUrl, WithJsonSchema

from pipeline.config.sections import Named
from pipeline.config.target import Target

FOLDER = "folder"  # the name of the data set that is a folder of the user's own pictures
MAX_SIDE = 1024  # pixels of an image: 3 million inputs of a network
DATA_SET_PATTERN = r"^[a-z0-9_]+(/[\w.-]+)?(:\d+\.\d+\.\d+)?$"
DATA_SET_RULE = (
    "the name of a data set of TensorFlow Datasets in lower case, such as mnist, emnist/letters or "
    "mnist:3.0.1, or folder for your own pictures"
)
_SIZE_RULE = f"[HEIGHT, WIDTH] or one number for both, from 1 to {MAX_SIDE} pixels"
_AXES = 2
_VALIDATION = 5000  # images, of all sets but a folder


def _as_size(value: Any) -> Any:
    """Return the height and width of a size; 28 is [28, 28]: they are the same run."""
    sides = value if isinstance(value, list | tuple) else [value] * _AXES
    if len(sides) != _AXES or not all(type(side) is int for side in sides):
        raise ValueError(_SIZE_RULE)
    if not all(1 <= side <= MAX_SIDE for side in sides):
        raise ValueError(_SIZE_RULE)
    return tuple(sides)


_SIDE = {"type": "integer", "minimum": 1, "maximum": MAX_SIDE}
_SIDES = {"type": "array", "items": _SIDE, "minItems": _AXES, "maxItems": _AXES}
Size = Annotated[
    tuple[int, int], BeforeValidator(_as_size), WithJsonSchema({"anyOf": [_SIDE, _SIDES]})
]


def _default_validation(values: dict[str, Any]) -> int | None:
    """Return a share for the user's own pictures, since they may be few."""
    return None if values.get("name") == FOLDER else _VALIDATION


class Data(Named):
    """The images, and where their files come from."""

    name: str = Field(
        "mnist",
        pattern=DATA_SET_PATTERN,
        description="An image-classification set of TensorFlow Datasets, such as emnist/letters, "
        "or folder for your own pictures.",
    )
    path: str | None = Field(
        None,
        description="For folder: the folder with the pictures, one folder for each class, or "
        "train, validation and test with these.",
    )
    target: Target = Field(
        "label",
        description="What to predict: label; parity, {is: 7} or {pair: [3, 5]} for two classes; "
        "value or scaled_value (0 to 1) for the label as a number; or another feature of the set.",
    )
    size: Size | None = Field(
        None,
        description="Height and width to which pictures are resized, [HEIGHT, WIDTH] or one number "
        "for both; needed if theirs differ.",
    )
    fit: Literal["fit", "crop"] = Field(
        "fit",
        description="How pictures of another aspect ratio are resized: fit shows them whole, on "
        "black; crop cuts off what is left over.",
    )
    channels: Literal[1, 3] | None = Field(
        None,
        description="1 for gray, 3 for color; by default those of the set, and for folder 1 if all "
        "pictures are gray.",
    )
    validation: Annotated[int, Field(ge=0)] | None = Field(
        default_factory=_default_validation,
        json_schema_extra={"default": _VALIDATION},
        description="Number of training images set aside, stratified by class; 0 trains on all, "
        "null sets aside a fifth, the default for folder.",
    )
    test: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="For a folder without test: number of pictures set aside, stratified by class; "
        "by default a fifth.",
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the split.")
    offline: Literal["sample", "fail"] = Field(
        "sample",
        description="If the data set is unavailable: use a sample of 5,000 MNIST digits, or fail.",
    )
    manual_dir: str | None = Field(
        None,
        description="A folder with the files as TensorFlow Datasets names them; by default that in "
        "the environment variable PIPELINE_MANUAL_DIR.",
    )
    tfds_dir: str | None = Field(
        None,
        description="Where TensorFlow Datasets stores prepared sets; by default TFDS_DATA_DIR, or "
        "~/tensorflow_datasets.",
    )
    mirrors: tuple[HttpUrl, ...] | None = Field(
        None,
        description="URLs of folders with the same files; by default the built-in ones.",
    )
