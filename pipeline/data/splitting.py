"""Set aside images for validation and test, stratified by class."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.config.key_errors import InvalidValue
from pipeline.data.targets import Labels, Target
from pipeline.engine.stage import load

if TYPE_CHECKING:
    from pipeline.config.data_schema import Data

Indices = npt.NDArray[np.int64]
_SHARE = 5  # a fifth, unless the configuration has a number


def selected(target: Target, labels: Labels) -> Indices:
    """Return the indices of the images that take part."""
    return np.arange(len(labels)) if target.select is None else target.select(labels).nonzero()[0]


def set_aside(
    indices: Indices, labels: Labels, count: int | None, seed: int, *, key: str = "validation"
) -> tuple[Indices, Indices]:
    """Split sorted indices into the rest and ``count``, stratified by class if there are any.

    Without a count, a fifth is set aside; with 0, nothing. ``key`` is that of the count in the
    section ``data``.

    Raises:
        InvalidValue: one of the sides cannot have every class.
        MissingExtra: scikit-learn is not installed.
    """
    if count == 0:
        return indices, indices[:0]
    split = load("sklearn.model_selection").train_test_split
    classes = labels[indices] if labels.dtype == np.int64 else None
    num_classes = 1 if classes is None else len(np.unique(classes))
    count = check_count(count, len(indices), num_classes, key=key)
    rest, aside = split(indices, test_size=count, stratify=classes, random_state=seed)
    return np.sort(rest), np.sort(aside)


def check_count(
    count: int | None, num_images: int, num_classes: int, *, key: str = "validation"
) -> int:
    """Return how many images to set aside; unless 0, both sides must have every class.

    Raises:
        InvalidValue: they cannot.
    """
    if count == 0:
        return 0
    least = max(num_classes, 1)
    count = max(num_images // _SHARE, least) if count is None else count
    if not least <= count <= num_images - least:
        raise InvalidValue(
            f"data.{key}",
            f"The {key} set must have between {least:,} and {num_images - least:,} of the "
            f"{num_images:,} images; got {count:,}",
            "Both sides of the split need images of every class. Choose another number.",
        )
    return count


def check_each_class(labels: Labels, data: "Data") -> None:
    """Check that no class has a single image, which cannot be on both sides of the split.

    Raises:
        InvalidValue: one has.
    """
    if labels.dtype != np.int64:
        return
    classes, counts = np.unique(labels, return_counts=True)
    if (counts == 1).any():
        raise InvalidValue(
            "data.target",
            f"Every class of {data.name} must have at least 2 training images, one of them to "
            f"validate with; got 1 of class {classes[counts == 1][0]}",
            "Choose another target or data set.",
        )
