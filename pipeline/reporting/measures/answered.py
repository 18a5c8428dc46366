"""Which images are answered without a warning, by the rules of ``predict`` and ``serve``."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.preprocessing import preprocessing_of
from pipeline.artifacts.report import Answered, OtherPictures
from pipeline.imaging.digits import find_digits
from pipeline.imaging.mnist_form import SIZE
from pipeline.publishing.doubts import Doubts, Familiarity
from pipeline.reporting.measures.other_pictures import handwriting, letters, photographs
from pipeline.reporting.run import ReportedRun
from pipeline.runtimes.predictor import Images
from pipeline.tasks.task import Predictions

if TYPE_CHECKING:
    from PIL.Image import Image

_STRANGE = {"letters": letters, "photographs": photographs}

Answers = tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]  # labels, and which have no warning


def answered(run: ReportedRun) -> Answered:
    """Return how many of the test images are answered, and how many of the answers are right."""
    test = run.data_set.test
    labels, sure = _answers(run, _doubts(run), np.asarray(test.images), run.predictions)
    right = np.equal(labels, test.labels)
    return Answered(len(sure), int(sure.sum()), int(right[sure].sum()))


def other_pictures(run: ReportedRun) -> tuple[OtherPictures, ...]:
    """Return what a classifier of MNIST's digits answers to pictures from other sources.

    There are none for other models: whether a photograph shows one of their classes is not known.
    """
    if not preprocessing_of(run.data.facts).finds_digits:
        return ()
    doubts = _doubts(run)
    found = [_no_digits(run, doubts, kind, *_strange(kind)) for kind in _STRANGE]
    if run.data_set.class_names != tuple(map(str, range(10))):
        return tuple(found)
    return (_handwriting(run, doubts), *found)


def _handwriting(run: ReportedRun, doubts: Doubts) -> OtherPictures:
    images, expected = handwriting()
    labels, sure = _answers(run, doubts, images, run.predictor.predict_all(images))
    right = np.equal(labels, expected)
    return OtherPictures(
        "handwriting", len(images), int(sure.sum()), int(right.sum()), int(right[sure].sum())
    )


@cache  # finding digits takes a second, and the pictures are the same for every model
def _strange(kind: str) -> tuple[int, Images]:
    pictures = _STRANGE[kind]()
    return len(pictures), single_digits(pictures)


def single_digits(pictures: Sequence["Image"]) -> Images:
    """Return what is taken for a single, whole digit in these pictures, uint8 (n, 28, 28, 1)."""
    findings = [find_digits(picture) for picture in pictures]
    taken = [finding.image for finding in findings if finding.reason is None]
    return np.array(taken, np.uint8).reshape(-1, SIZE, SIZE, 1)


def _no_digits(
    run: ReportedRun, doubts: Doubts, kind: str, num_pictures: int, taken: Images
) -> OtherPictures:
    if not len(taken):
        return OtherPictures(kind, num_pictures, 0)
    _, sure = _answers(run, doubts, taken, run.predictor.predict_all(taken))
    return OtherPictures(kind, num_pictures, int(sure.sum()))


def _answers(run: ReportedRun, doubts: Doubts, images: Images, predictions: Predictions) -> Answers:
    labels = run.task.labels_of(predictions)
    assert labels is not None, "a task with classes has labels"
    shown = [run.task.describe(row, run.data_set.class_names) for row in predictions]
    reasons = doubts.reasons(images, predictions, shown)
    return np.asarray(labels), np.array([reason is None for reason in reasons], np.bool_)


def _doubts(run: ReportedRun) -> Doubts:
    if run.fitted is None:
        return Doubts()
    uncertainty, subspace = run.fitted.uncertainty, run.fitted.subspace
    layer = run.predictor.first_layer()
    return Doubts(uncertainty, Familiarity(layer, subspace, uncertainty.max_distance))
