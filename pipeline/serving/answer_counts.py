"""Counting the answers of each version, for the metrics and for drift.

A batch is only put aside; once there are enough of them, they are described together, which takes
little longer than for one. The worker passes the results on every second, and before they are read.
"""

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from pipeline.artifacts.answer_distribution import AnswerDistribution
from pipeline.errors import StorageError
from pipeline.publishing.manifest import Manifest
from pipeline.runtimes.predictor import Images
from pipeline.serving import metrics
from pipeline.serving.answer_window import AnswerWindow, Drift, window_folder
from pipeline.serving.settings import DRIFT_WINDOW
from pipeline.tasks.answers import Answers, describe_answers
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Predictions, Task

T = TypeVar("T")
_log = logging.getLogger(__name__)
_BYTES = 64 * 2**10  # of images put aside
_MAX_IMAGES = 64


@dataclass(frozen=True)
class WindowSettings:
    """How many answers a window has; the folder that all workers share, if there are several."""

    size: int = DRIFT_WINDOW
    shared_folder: Path | None = None


class AnswerCounts:
    """The answers of one version; batches may be added by the inference thread."""

    def __init__(
        self,
        task: Task,
        class_names: tuple[str, ...],
        labels: tuple[str, str],
        image_bytes: int,
        window: AnswerWindow | None,
    ) -> None:
        """Count the answers of a version; ``labels`` are its model and number in the metrics."""
        self._describe = partial(describe_answers, task)
        self._by_class = [metrics.answers.labels(*labels, name) for name in class_names or ("",)]
        self._confidence = metrics.answer_confidence.labels(*labels)
        self._intensity = metrics.input_intensity.labels(*labels)
        self._window = window
        self._enough = max(1, min(_MAX_IMAGES, _BYTES // image_bytes))
        self._aside: deque[tuple[Images, Predictions]] = deque()
        self._images = 0
        self._described: deque[Answers] = deque()

    def add(self, images: Images, predictions: Predictions) -> None:
        """Add a batch: images, uint8 (n, *image_shape), and float32 predictions (n, units)."""
        self._aside.append((images, predictions))
        self._images += len(images)  # roughly: another thread may do so at the same time
        if self._images >= self._enough:
            self._describe_all()

    def flush(self) -> None:
        """Pass the answers on to the metrics of this worker and to the window."""
        self._describe_all()
        if not (found := _take_all(self._described)):
            return
        together = _together(found)
        if together.confidence is None:
            self._by_class[0].inc(len(together.answer))
        else:
            counts = np.bincount(together.answer.astype(np.int64))
            for index in np.flatnonzero(counts):
                self._by_class[index].inc(float(counts[index]))
            metrics.observe_all(self._confidence, together.confidence)
        metrics.observe_all(self._intensity, together.intensity)
        if self._window:
            self._window.add(together)

    def drift(self) -> Drift | None:
        """Compare the last answers with those to the test set; None if these are unknown."""
        self.flush()
        return self._window.drift() if self._window else None

    def share(self) -> None:
        """Let the other workers see the last answers; another thread may call this.

        Raises:
            StorageError: a file cannot be written.
        """
        if self._window:
            self._window.share()

    def _describe_all(self) -> None:
        self._images = 0
        if batches := _take_all(self._aside):
            images, predictions = map(_joined, zip(*batches, strict=True))
            self._described.append(self._describe(images, predictions))


_all: list[AnswerCounts] = []


class _Identity(NamedTuple):
    """What the counts of a version depend on."""

    model: str
    number: int
    task: str
    output: str | None
    class_names: tuple[str, ...]
    image_bytes: int
    reference: AnswerDistribution | None


def open_counts(
    manifest: Manifest, number: int, windows: WindowSettings | None = None
) -> AnswerCounts:
    """Return the counts of a version; they continue if it was opened before."""
    size, reference = prod(manifest.contract.image_shape), manifest.test_answers
    names, output = manifest.class_names, manifest.output
    if reference is not None and not reference.fits(len(names)):  # anyone may have edited it
        reference = None
    identity = _Identity(manifest.name, number, manifest.task, output, names, size, reference)
    return _counts(identity, windows or WindowSettings())


@cache
def _counts(identity: _Identity, windows: WindowSettings) -> AnswerCounts:
    model, number, reference = identity.model, identity.number, identity.reference
    window = None
    if reference is not None:
        shared = windows.shared_folder
        folder = window_folder(shared, model, number, reference) if shared else None
        window = AnswerWindow(reference, windows.size, folder)
    task, labels = task_named(identity.task, identity.output), (model, str(number))
    found = AnswerCounts(task, identity.class_names, labels, identity.image_bytes, window)
    _all.append(found)
    return found


def flush() -> None:
    """Pass the answers of all versions on."""
    for counts in _all:
        counts.flush()


def share() -> None:
    """Let the other workers see the last answers of all versions."""
    for counts in _all:
        try:
            counts.share()
        except StorageError as error:
            _log.error("Drift is computed without the latest answers of this worker: %s", error)


def _joined(arrays: Sequence[Any]) -> Any:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _together(answers: Sequence[Answers]) -> Answers:
    confidence = [each.confidence for each in answers if each.confidence is not None]
    return Answers(
        _joined([each.answer for each in answers]),
        _joined(confidence) if confidence else None,
        _joined([each.intensity for each in answers]),
    )


def _take_all(items: deque[T]) -> list[T]:
    """Empty a deque, which another thread may fill or empty at the same time."""
    found = []
    with suppress(IndexError):
        while True:
            found.append(items.popleft())
    return found
