"""The curve of a training: read from its event files as they grow, or from a stored history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.artifacts.history import History, Logs
from pipeline.errors import MissingExtra
from pipeline.live.events import BATCH, EPOCH, IMAGES_PER_SECOND, POSITION
from pipeline.live.records import TRAIN, VALIDATION, event_files, read_records
from pipeline.progress import TrainingCost

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

_VALIDATION_PREFIX = "val_"
_NO_METRICS = {"learning_rate", IMAGES_PER_SECOND, POSITION}


class Point(NamedTuple):
    """A value after a number of epochs, which may be a fraction."""

    epochs: float
    value: float


@dataclass(frozen=True)
class Curve:
    """The curve of a training so far.

    ``train`` and ``validation`` map loss and metrics to points: several per epoch on the training
    set where the training reports steps. ``history`` has the logs of each completed epoch, and
    ``images_per_second`` is the speed of each. ``epochs`` is how far the training is.
    """

    train: dict[str, list[Point]] = field(default_factory=dict)
    validation: dict[str, list[Point]] = field(default_factory=dict)
    history: History = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)
    epochs: float = 0.0
    speed: float | None = None
    seconds_per_epoch: float | None = None

    def seconds_left(self, epochs: int) -> float | None:
        """Return the time left if the training completes this many epochs; None if not known."""
        if self.seconds_per_epoch is None:
            return None
        return max(0.0, epochs - self.epochs) * self.seconds_per_epoch


class CurveReader:
    """Reads the event files of a training, and later only what was added to them."""

    def __init__(self, folder: Path) -> None:
        """Read the files in the folder of the training; it need not exist yet.

        Raises:
            MissingExtra: the package TensorBoard is not installed.
        """
        self._train, self._validation = _Tail(folder / TRAIN), _Tail(folder / VALIDATION)

    def read(self) -> Curve | None:
        """Return the curve so far, or None if there are no files."""
        self._train.read()
        self._validation.read()
        if not self._train.rows and not self._validation.rows:
            return None
        return _curve(self._train, self._validation)


def stored_curve(history: History, costs: Sequence[TrainingCost]) -> Curve:
    """Return the curve of a complete training."""
    train = {n for n in history[-1] if not n.startswith(_VALIDATION_PREFIX)} if history else set()
    validation = {name for name in train if f"{_VALIDATION_PREFIX}{name}" in history[-1]}
    speeds = [cost.images / cost.seconds for cost in costs if cost.seconds]
    return Curve(
        train={name: _of_epochs(history, name) for name in train},
        validation={n: _of_epochs(history, f"{_VALIDATION_PREFIX}{n}") for n in validation},
        history=history,
        speeds=speeds,
        epochs=len(history),
        speed=speeds[-1] if speeds else None,
    )


def _of_epochs(history: History, name: str) -> list[Point]:
    return [Point(n, logs[name]) for n, logs in enumerate(history, start=1) if name in logs]


class _Row(NamedTuple):
    """The scalars of one event."""

    time: float  # Unix time
    step: int
    values: Logs


class _Tail:
    """The scalars of the newest file of a folder, read as far as it is written."""

    def __init__(self, folder: Path) -> None:
        try:
            from google.protobuf.message import DecodeError
            from tensorboard.compat.proto.event_pb2 import Event
        except ModuleNotFoundError as error:
            raise MissingExtra("Reading the curve of a run", "train") from error
        self._folder, self._parse, self._error = folder, Event.FromString, DecodeError
        self._path: Path | None = None
        self._begin()

    def _begin(self) -> None:
        self._read_bytes = 0
        self.rows: list[_Row] = []
        self.began = 0.0  # when the process that writes began, in Unix time

    def read(self) -> None:
        files = event_files(self._folder)
        if not files:
            return
        if files[-1] != self._path:  # a resumed training replaces the file
            self._path = files[-1]
            self._begin()
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                for record in read_records(file):
                    self._add(self._parse(record))
                self._read_bytes = file.tell()
        except (OSError, self._error):  # replaced meanwhile, or damaged
            return

    def _add(self, event: "Event") -> None:
        if event.HasField("session_log"):
            self.began = event.wall_time
        scalars = {
            value.tag: value.simple_value
            for value in event.summary.value
            if value.HasField("simple_value")
        }
        if scalars:
            self.rows.append(_Row(event.wall_time, event.step, scalars))


def _curve(train: _Tail, validation: _Tail) -> Curve:
    batches = [row for row in train.rows if f"{BATCH}{POSITION}" in row.values]
    epochs = _by_epoch(train.rows)
    validated = _by_epoch(validation.rows)
    speeds = [row.values.get(f"{EPOCH}{IMAGES_PER_SECOND}", 0.0) for row in epochs.values()]
    positions = [
        *((row.time, row.values[f"{BATCH}{POSITION}"]) for row in batches),
        *((row.time, float(row.step)) for row in validated.values()),
    ]
    latest = batches[-1].values.get(f"{BATCH}{IMAGES_PER_SECOND}") if batches else None
    return Curve(
        train=_lines(batches, BATCH) or _lines(epochs.values(), EPOCH),
        validation=_lines(validated.values(), EPOCH),
        history=[_logs(epochs[n], validated[n]) for n in sorted(epochs.keys() & validated.keys())],
        speeds=speeds,
        epochs=max((position for _, position in positions), default=0.0),
        speed=latest or (speeds[-1] if speeds else None),
        seconds_per_epoch=_seconds_per_epoch(positions, train.began),
    )


def _by_epoch(rows: Iterable[_Row]) -> dict[int, _Row]:
    return {row.step: row for row in rows if any(tag.startswith(EPOCH) for tag in row.values)}


def _metrics(row: _Row, prefix: str) -> Logs:
    """Return the loss and the metrics among the scalars of an event."""
    values = {tag.removeprefix(prefix): value for tag, value in row.values.items()}
    return {name: value for name, value in values.items() if name not in _NO_METRICS}


def _logs(train: _Row, validation: _Row) -> Logs:
    validated = _metrics(validation, EPOCH)
    return {
        **_metrics(train, EPOCH),
        **{f"{_VALIDATION_PREFIX}{name}": value for name, value in validated.items()},
    }


def _lines(rows: Iterable[_Row], prefix: str) -> dict[str, list[Point]]:
    lines: dict[str, list[Point]] = {}
    for row in rows:
        position = row.values.get(f"{BATCH}{POSITION}", float(row.step))
        for name, value in _metrics(row, prefix).items():
            lines.setdefault(name, []).append(Point(position, value))
    return lines


def _seconds_per_epoch(positions: list[tuple[float, float]], began: float) -> float | None:
    """Return the time of the latest epoch, validation included, or of what there is of it."""
    times = sorted(one for one in positions if one[0] >= began)  # not before an interruption
    if not times:
        return None
    last_time, last = times[-1]
    first_time, first = next(one for one in times if one[1] >= last - 1)
    return (last_time - first_time) / (last - first) if last > first else None
