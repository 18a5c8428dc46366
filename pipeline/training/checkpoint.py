"""Checkpoints: an interrupted training resumes with the same bits as an uninterrupted one.

A checkpoint has everything that later steps depend on: weights, the state of dropout's generators,
the optimizer's variables, the position in the epoch, the state of the callbacks, and the compiler.
The order of an epoch is drawn from (seed, epoch) and need not be saved.
"""

import io
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.artifacts.history import History
from pipeline.artifacts.serialization import from_json
from pipeline.progress import TrainingCost
from pipeline.system.atomic import remove_abandoned, write_file
from pipeline.training.callback_list import CallbackList
from pipeline.training.checkpoint_file import DAMAGED, DESCRIPTION, MAX_IDLE_DAYS, decode, encode
from pipeline.training.compiled_program import EpochState

MIN_SECONDS = 10.0  # shorter trainings need no checkpoint
COST_SHARE = 0.01  # checkpoints take at most this share of the training time
_EVALUATIONS = ".evaluations"


@dataclass
class Position:
    """How far a training has progressed."""

    epoch: int = 0
    state: EpochState = field(default_factory=EpochState)
    history: History = field(default_factory=list)
    costs: list[TrainingCost] = field(default_factory=list)  # up to the end of each epoch
    cost: TrainingCost = field(default_factory=TrainingCost)  # so far
    stopped: bool = False  # by a callback


@dataclass(frozen=True)
class Saved:
    """The contents of a checkpoint."""

    position: Position
    compiler: str
    _plain: list[dict[str, Any]]
    _arrays: dict[str, Any]

    def restore(self, variables: Sequence[keras.Variable], callbacks: CallbackList) -> None:
        """Restore the state of the variables and callbacks."""
        for number, variable in enumerate(variables):
            variable.assign(self._arrays[f"variable_{number}"])
        prefix = "callback_"
        arrays = {n.removeprefix(prefix): v for n, v in self._arrays.items() if prefix in n}
        callbacks.restore_state(self._plain, arrays)
        callbacks.should_stop = self.position.stopped


class Checkpoint:
    """A checkpoint file, written atomically: it is either complete or absent."""

    def __init__(self, path: Path) -> None:
        """Use this file, with the suffix ``.npz``, and remove expired checkpoints beside it."""
        self._path = path
        self._saved, self._cost = time.monotonic(), 0.0
        _prune(path.parent)

    @property
    def evaluations(self) -> Path:
        """The file beside it where full-gradient methods record what they computed."""
        return self._path.with_suffix(_EVALUATIONS)

    def is_due(self) -> bool:
        """Whether enough time has passed to keep the cost within ``COST_SHARE``."""
        return time.monotonic() - self._saved >= max(MIN_SECONDS, self._cost / COST_SHARE)

    def save(
        self,
        position: Position,
        compiler: str,
        variables: Sequence[keras.Variable],
        callbacks: CallbackList,
    ) -> None:
        """Replace the file.

        Raises:
            StorageError: it cannot be written.
        """
        started = time.monotonic()
        arrays = {f"variable_{i}": np.asarray(v.value) for i, v in enumerate(variables)}
        plain, callback_arrays = callbacks.get_state()
        arrays |= {f"callback_{name}": np.asarray(array) for name, array in callback_arrays.items()}
        description = {"position": asdict(position), "compiler": compiler, "callbacks": plain}
        arrays[DESCRIPTION] = encode(description)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._path, buffer.getvalue())
        self._saved, self._cost = time.monotonic(), time.monotonic() - started

    def read(self, num_variables: int) -> Saved | None:
        """Return the checkpoint, or None if there is no file.

        A damaged file counts as no file: training then starts from the beginning.
        """
        try:
            # Opened here: NumPy would leave the file of a damaged archive open.
            with self._path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = dict(file)
            description = decode(arrays[DESCRIPTION])
            position = from_json(Position, description["position"])
        except DAMAGED:
            return None
        if f"variable_{num_variables - 1}" not in arrays:
            return None
        return Saved(
            position,
            description["compiler"],
            description["callbacks"],
            arrays,
        )

    def remove(self) -> None:
        """Remove the files: the training is complete, or starts again."""
        self._path.unlink(missing_ok=True)
        self.evaluations.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    oldest = time.time() - MAX_IDLE_DAYS * 86_400
    remove_abandoned(folder)
    for path in [*folder.glob("*.npz"), *folder.glob(f"*{_EVALUATIONS}")]:
        with suppress(FileNotFoundError):  # removed by its own process meanwhile
            if path.stat().st_mtime < oldest:
                path.unlink()
