"""The state of an interrupted training, so that it goes on as if nothing had happened.

Everything that later steps depend on is kept: weights, the state of dropout's generators, the
optimiser's variables, the place in the epoch, and what early stopping remembers. The order of an
epoch is drawn from (seed, epoch) and needs no keeping.
"""

import io
import json
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.atomic import write_file
from pipeline.training.loop import EpochState

MIN_SECONDS = 10.0  # a training that is over sooner needs no checkpoint
COST_SHARE = 0.01  # checkpoints take at most this share of the time
_REMEMBERED = ("wait", "stopped_epoch", "best", "best_epoch")  # by keras.callbacks.EarlyStopping


@dataclass
class Position:
    """How far a training has come."""

    epoch: int = 0
    state: EpochState = field(default_factory=EpochState)
    history: list[dict[str, float]] = field(default_factory=list)


class Checkpoint:
    """One file that is, at every moment, the last complete state or not there."""

    def __init__(
        self,
        path: Path,
        variables: Sequence[keras.Variable],
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        """Take the variables of the model and of the optimiser, always in the same order."""
        self._path = path
        self._variables = list(variables)
        self._stoppers = [c for c in callbacks if isinstance(c, keras.callbacks.EarlyStopping)]
        self._saved, self._cost = time.monotonic(), 0.0

    def is_due(self) -> bool:
        """Whether enough time has passed for the cost not to matter."""
        return time.monotonic() - self._saved >= max(MIN_SECONDS, self._cost / COST_SHARE)

    def save(self, position: Position) -> None:
        """Replace the file.

        Raises:
            StorageError: it cannot be written.
        """
        started = time.monotonic()
        arrays = {f"variable_{i}": np.asarray(v.value) for i, v in enumerate(self._variables)}
        remembered = [_remember(stopper) for stopper in self._stoppers]
        for number, stopper in enumerate(self._stoppers):
            for index, weight in enumerate(stopper.best_weights or ()):
                arrays[f"best_{number}_{index}"] = np.asarray(weight)
        description = json.dumps({"position": asdict(position), "stoppers": remembered})
        arrays["description"] = np.frombuffer(description.encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._path, buffer.getvalue())
        self._saved, self._cost = time.monotonic(), time.monotonic() - started

    def load(self) -> Position | None:
        """Put the state in place and return the position, or None where there is no file.

        A file that is damaged counts as none: training then starts from the beginning.
        """
        try:
            # Opened here: where the archive is damaged, NumPy would leave the file open.
            with self._path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = dict(file)
            description = json.loads(arrays["description"].tobytes())
            values = [arrays[f"variable_{number}"] for number in range(len(self._variables))]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        for number, stopper in enumerate(self._stoppers):
            _recall(stopper, description["stoppers"][number], number, arrays)
        position = description["position"]
        return Position(position["epoch"], EpochState(**position["state"]), position["history"])

    def remove(self) -> None:
        """Remove the file: the training is over, or starts anew."""
        self._path.unlink(missing_ok=True)


def _remember(stopper: keras.callbacks.EarlyStopping) -> dict[str, Any]:
    values = {name: getattr(stopper, name) for name in _REMEMBERED}
    best = values["best"]
    values["best"] = None if best is None else float(best)
    return {**values, "num_weights": len(stopper.best_weights or ())}


def _recall(
    stopper: keras.callbacks.EarlyStopping,
    values: dict[str, Any],
    number: int,
    arrays: dict[str, Any],
) -> None:
    for name in _REMEMBERED:
        setattr(stopper, name, values[name])
    count = values["num_weights"]
    if count:
        stopper.best_weights = [arrays[f"best_{number}_{index}"] for index in range(count)]
