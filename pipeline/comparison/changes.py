"""The test images on which two trained networks differ."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.comparison.sides import Member
from pipeline.comparison.two_files import FilesTest, bootstrap_rmse, mcnemar
from pipeline.tasks.task import Labels

SHOWN = (
    12  # images of each kind with their predictions; of classifiers, the indices of all are kept
)


@dataclass(frozen=True)
class ChangedImage:
    """A test image by its index, with its label and both predictions as text."""

    index: int
    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Changes:
    """The images on which the second network is worse than the first, or better.

    For classifiers, these are the images that changed from right to wrong, or from wrong to right,
    with the ``indices`` of all; for regression, those with a larger or a smaller error, the largest
    change first. ``images`` are the first of them.
    """

    count: int
    images: tuple[ChangedImage, ...]
    indices: tuple[int, ...] = ()


@dataclass(frozen=True)
class FilesComparison:
    """Two trained networks on the same test images: a test, and the images that changed."""

    before: str
    after: str
    test: FilesTest
    worse: Changes
    better: Changes


def compare_files(before: Member, after: Member) -> FilesComparison:
    """Compare the predictions of two networks for the same test images."""
    labels = before.test_set.labels()
    old, new = (member.task.labels_of(member.predictions) for member in (before, after))
    if old is None or new is None:
        return _compare_values(before, after, labels)
    was_right, is_right = old == labels, new == labels
    names = before.test_set.class_names

    def changes(changed: npt.NDArray[np.bool_]) -> Changes:
        indices = np.flatnonzero(changed).tolist()
        images = (
            ChangedImage(i, *(names[int(found[i])] for found in (labels, old, new)))
            for i in indices[:SHOWN]
        )
        return Changes(len(indices), tuple(images), tuple(indices))

    return FilesComparison(
        before.name,
        after.name,
        mcnemar(was_right, is_right),
        worse=changes(was_right & ~is_right),
        better=changes(is_right & ~was_right),
    )


def errors_of(member: Member, labels: Labels) -> npt.NDArray[np.float64]:
    """Return the errors of a regression (n,)."""
    return np.asarray(member.predictions[:, 0].astype(np.float64) - labels)


def _compare_values(before: Member, after: Member, labels: Labels) -> FilesComparison:
    errors = [errors_of(member, labels) for member in (before, after)]
    growth = np.abs(errors[1]) - np.abs(errors[0])

    def changes(by: npt.NDArray[np.float64]) -> Changes:
        largest = np.argsort(-by, kind="stable")[:SHOWN]
        images = (
            ChangedImage(
                int(i),
                f"{labels[i]:g}",
                *(f"{member.predictions[i, 0]:.3g}" for member in (before, after)),
            )
            for i in largest[by[largest] > 0]
        )
        return Changes(int(np.sum(by > 0)), tuple(images))

    return FilesComparison(
        before.name, after.name, bootstrap_rmse(*errors), changes(growth), changes(-growth)
    )
