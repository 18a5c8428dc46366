"""Targets: what the labels of a data set become, such as parity, one class against the rest."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.config.data_schema import FOLDER
from pipeline.config.key_errors import InvalidValue
from pipeline.config.target import PARITY, PARITY_CLASSES, VALUES, target_text
from pipeline.data import tfds
from pipeline.data.folder_content import content_of
from pipeline.data.folder_pictures import image_shape
from pipeline.data.sources import tfds_root
from pipeline.errors import did_you_mean
from pipeline.imaging.resizing import MODES
from pipeline.progress import Silent

if TYPE_CHECKING:
    from pipeline.config.data_schema import Data
    from pipeline.progress import Progress

Labels = npt.NDArray[Any]
LABEL = tfds.LABEL
_SHOWN = 10  # classes in a message
_CONVERSIONS = (PARITY, *VALUES)


@dataclass(frozen=True)
class Target:
    """A target: its classes, and how it follows from the labels (n,) of the data set.

    Without ``class_names``, the target is a number. ``convert`` returns int64 or float32 (n,);
    ``select`` returns which images take part, bool (n,).
    """

    class_names: tuple[str, ...]
    convert: Callable[[Labels], Labels]
    select: Callable[[Labels], npt.NDArray[np.bool_]] | None = None


def describe(
    data: "Data", progress: "Progress | None" = None
) -> tuple[tuple[int, int, int], Target]:
    """Return the shape of one image (height, width, channels), and the target.

    Raises:
        InvalidValue: the data set is unknown, or does not have the target.
        DataFileError: pictures of a folder cannot be read.
    """
    progress = progress or Silent()
    if data.name == FOLDER:
        content = content_of(data, progress)
        target = _of_folder(data, content.index.class_names)
        return image_shape(data, content, progress), target
    shape, class_names = tfds.describe(data.name, feature_of(data), tfds_root(data))
    return configured_shape(data, shape), target_of(data, class_names)


def configured_shape(
    data: "Data", shape: tuple[int | None, int | None, int]
) -> tuple[int, int, int]:
    """Return the shape of the images of a set of TensorFlow Datasets once they are resized.

    Raises:
        InvalidValue: its images differ in size, or have neither 1 nor 3 channels.
    """
    height, width, channels = shape
    for key in ("size", "channels"):
        if getattr(data, key) and channels not in MODES:
            raise InvalidValue(
                f"data.{key}",
                f"Only images of 1 or 3 channels can be converted; those of {data.name} have "
                f"{channels}",
                "Remove the key.",
            )
    channels = data.channels or channels
    if data.size:
        return (*data.size, channels)
    if height is None or width is None:
        raise InvalidValue(
            "data.size",
            f"The images of {data.name} differ in size",
            "Write, for example, size: [64, 64]: they are then resized with their aspect ratio "
            "kept.",
        )
    return height, width, channels


def _of_folder(data: "Data", class_names: tuple[str, ...]) -> Target:
    if feature_of(data) != LABEL:
        raise InvalidValue(
            "data.target",
            f"A folder of pictures has no feature {data.target!r}; its classes are "
            f"{_listed(class_names)}",
            f"Write label, {{is: CLASS}} or {{pair: [CLASS, CLASS]}}; if the classes are numbers, "
            f"also {PARITY}, {' or '.join(VALUES)}.",
        )
    return target_of(data, class_names)


def feature_of(data: "Data") -> str:
    """Return the feature of the data set that the target follows from."""
    target = data.target
    return LABEL if isinstance(target, dict) or target in _CONVERSIONS else target


def target_of(data: "Data", class_names: tuple[str, ...]) -> Target:
    """Return the target for a feature with these classes; none mean that it is a number.

    Raises:
        InvalidValue: the feature does not have the target.
    """
    if not class_names and feature_of(data) == LABEL:
        return _of_numbers(data)
    if isinstance(data.target, dict):
        [(form, classes)] = data.target.items()
        chosen = classes if isinstance(classes, list) else [classes]
        numbers = [_number_of(name, class_names, data) for name in chosen]
        return _one_class(numbers[0], class_names) if form == "is" else _pair(numbers, class_names)
    if data.target not in _CONVERSIONS:
        return Target(class_names, lambda labels: labels)
    values = _values(class_names, data)
    if data.target == PARITY:
        return Target(PARITY_CLASSES, lambda labels: values[labels] % 2)
    scale = values.max() if data.target == "scaled_value" else 1
    return Target((), lambda labels: (values[labels] / scale).astype(np.float32))


def _of_numbers(data: "Data") -> Target:
    """Return the target for a label that is a number."""
    if data.target not in (LABEL, "value"):
        raise InvalidValue(
            "data.target",
            f"The target {target_text(data.target)} needs classes; the label of {data.name} is a "
            "number",
            "Write value, with task: regression.",
        )
    return Target((), lambda labels: labels)


def _one_class(number: int, class_names: tuple[str, ...]) -> Target:
    name = class_names[number]
    return Target((f"not {name}", name), lambda labels: (labels == number).astype(np.int64))


def _pair(numbers: list[int], class_names: tuple[str, ...]) -> Target:
    if numbers[0] == numbers[1]:
        raise InvalidValue(
            "data.target",
            f"A pair must have two different classes; class {numbers[0]} is "
            f"{class_names[numbers[0]]!r}",
            "Choose two classes.",
        )
    return Target(
        tuple(class_names[number] for number in numbers),
        lambda labels: (labels == numbers[1]).astype(np.int64),
        select=lambda labels: np.isin(labels, numbers),
    )


def _number_of(wanted: int | str, class_names: tuple[str, ...], data: "Data") -> int:
    """Return the number of a class that is given by its name or number; names come first."""
    if str(wanted) in class_names:
        return class_names.index(str(wanted))
    if isinstance(wanted, int) and wanted < len(class_names):
        return wanted
    similar = did_you_mean(wanted, class_names) if isinstance(wanted, str) else ""
    raise InvalidValue(
        "data.target",
        f"{data.name} has no class {wanted!r} for the target {target_text(data.target)}",
        f"{similar}Its classes are {_listed(class_names)}.",
    )


def _values(class_names: tuple[str, ...], data: "Data") -> npt.NDArray[np.int64]:
    """Return the number that each class is named by."""
    if not all(name.isdecimal() for name in class_names):
        raise InvalidValue(
            "data.target",
            f"The target {data.target} needs classes that are numbers; {data.name} has "
            f"{_listed(class_names)}",
            "Choose another target, for example {is: CLASS}.",
        )
    return np.array([int(name) for name in class_names])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= _SHOWN else f"{', '.join(names[:_SHOWN])}, ..."
