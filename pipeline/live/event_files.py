"""Write the event files of a training, for TensorBoard and ``pipeline watch``."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import one_line
from pipeline.live.events import (
    BATCH,
    EPOCH,
    IMAGES_PER_SECOND,
    POSITION,
    first_events,
    histograms,
    is_kept,
    scalars,
)
from pipeline.live.records import TRAIN, VALIDATION, event_files, new_path, read_records
from pipeline.progress import Training, TrainingCost, TrainingListener

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

COST_SHARE = 0.01  # histograms take at most this share of the time of the training steps,
FREE_SECONDS = 0.5  # or these seconds
_VALIDATION_PREFIX = "val_"


class EventFiles(TrainingListener):
    """Writes the event files of the trainings of a run; a failure to write them ends no training.

    ``folder_of`` returns the folder for the fingerprint of a training, and ``notice`` shows a
    message to the user.
    """

    def __init__(self, folder_of: Callable[[str], Path], notice: Callable[[str], None]) -> None:
        self._folder_of, self._notice = folder_of, notice
        self._files: _TrainingFiles | None = None

    def training_began(self, training: Training) -> None:
        """Begin new files, or continue those of the training that resumes."""
        self.close()
        folder = self._folder_of(training.fingerprint)

        def begin() -> None:
            self._files = _TrainingFiles(folder, training)

        self._attempt(begin)

    def steps_finished(self, step: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Write the means over the latest steps."""
        files = self._files
        if files:
            self._attempt(lambda: files.write_steps(step, logs, cost))

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Write the logs of an epoch, and histograms of the weights."""
        files = self._files
        if files:
            self._attempt(lambda: files.write_epoch(epoch, logs, cost))

    def close(self) -> None:
        """Close the files."""
        if self._files:
            files, self._files = self._files, None
            self._attempt(files.close)

    def _attempt(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:  # noqa: BLE001  (TensorFlow has its own classes for full disks)
            self._files = None
            self._notice(
                f"The event files for TensorBoard cannot be written: {one_line(error)}. The "
                "training continues without them."
            )


class _TrainingFiles:
    """The files of one training: one with the results on the training set, one for validation."""

    def __init__(self, folder: Path, training: Training) -> None:
        self._training = training
        self._train = _EventFile(folder / TRAIN, training)
        self._validation = _EventFile(folder / VALIDATION, training)
        self._reported = TrainingCost()
        self._histogram_seconds = 0.0

    def write_steps(self, step: int, logs: dict[str, float], cost: TrainingCost) -> None:
        position = {POSITION: step / self._training.steps_per_epoch}
        values = {**logs, **position, **self._speed(cost)}
        self._train.write(scalars(_tagged(BATCH, values), step))

    def write_epoch(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        prefix = _VALIDATION_PREFIX
        train = {name: value for name, value in logs.items() if not name.startswith(prefix)}
        validation = {n.removeprefix(prefix): v for n, v in logs.items() if n.startswith(prefix)}
        if epoch > self._training.epoch:  # not one that a resumed training reports again
            rate = self._training.learning_rate()
            train |= {} if rate is None else {"learning_rate": rate}
            self._write_histograms(epoch, cost)
        if epoch > self._train.kept_epoch:
            images = cost.images / cost.seconds if cost.seconds else 0.0
            train |= {IMAGES_PER_SECOND: images}
            self._train.write(scalars(_tagged(EPOCH, train), epoch))
        if epoch > self._validation.kept_epoch:
            self._validation.write(scalars(_tagged(EPOCH, validation), epoch))

    def close(self) -> None:
        self._train.close()
        self._validation.close()

    def _write_histograms(self, epoch: int, cost: TrainingCost) -> None:
        if self._histogram_seconds > max(FREE_SECONDS, COST_SHARE * cost.seconds):
            return
        started = time.monotonic()
        self._train.write(histograms(self._training.weights(), epoch))
        self._histogram_seconds += time.monotonic() - started

    def _speed(self, cost: TrainingCost) -> dict[str, float]:
        """Return the speed since the last report."""
        seconds, images = cost.seconds - self._reported.seconds, cost.images - self._reported.images
        self._reported = cost
        return {IMAGES_PER_SECOND: images / seconds} if seconds > 0 else {}


class _EventFile:
    """A new file in a folder; it takes over the events of the epochs that a training keeps."""

    def __init__(self, folder: Path, training: Training) -> None:
        import tensorflow as tf  # its writer is loaded already, and computes checksums in C++

        folder.mkdir(parents=True, exist_ok=True)
        before = event_files(folder)
        kept = _kept_events(before[-1], training) if before else []
        self.kept_epoch = max((e.step for e in kept if _is_of_epoch(e)), default=0)
        path = new_path(folder)
        temporary = folder / f".new-{os.getpid()}"  # TensorBoard reads names with "tfevents"
        self._writer: Any = tf.io.TFRecordWriter(str(temporary))
        for event in [*first_events(), *kept]:
            self._writer.write(event.SerializeToString())
        self._writer.flush()
        temporary.rename(path)
        for old in before:
            old.unlink(missing_ok=True)

    def write(self, event: "Event") -> None:
        """Append an event; readers see it at once."""
        self._writer.write(event.SerializeToString())
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def _kept_events(path: Path, training: Training) -> "list[Event]":
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    step = training.epoch * training.steps_per_epoch + training.step
    try:
        with path.open("rb") as file:
            events = [Event.FromString(record) for record in read_records(file)]
    except (OSError, DecodeError):  # damaged: the epochs are reported again
        return []
    return [event for event in events if is_kept(event, epoch=training.epoch, step=step)]


def _is_of_epoch(event: "Event") -> bool:
    return any(value.tag.startswith(EPOCH) for value in event.summary.value)


def _tagged(prefix: str, values: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in values.items()}
