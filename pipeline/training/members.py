"""The members of a committee: their seeds, their files until all are trained, their progress."""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.history import History
from pipeline.artifacts.serialization import from_json
from pipeline.engine.context import Context
from pipeline.progress import TrainingCost
from pipeline.system.atomic import write_file
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.checkpoint_file import (
    DAMAGED,
    DESCRIPTION,
    decode,
    encode,
    of_member,
    trained_member,
)


def member_seed(seed: int, number: int) -> int:
    """Return the seed of a member, counted from 1: the first has that of a single network.

    It is below 2^31, as ``train.seed`` is, so that each member can be trained alone.
    """
    if number == 1:
        return seed
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0]) >> 1


@dataclass(frozen=True)
class Member:
    """A trained network: its weights, and what the training reports."""

    weights: list[npt.NDArray[Any]]
    history: History
    costs: list[TrainingCost]
    steps_per_epoch: int
    shards: int
    compiler: str

    def write(self, checkpoint: Path, number: int) -> None:
        """Write the file of a member, which is resumed from instead of trained again.

        Raises:
            StorageError: it cannot be written.
        """
        description = {
            "history": self.history,
            "costs": [asdict(cost) for cost in self.costs],
            "steps_per_epoch": self.steps_per_epoch,
            "shards": self.shards,
            "compiler": self.compiler,
        }
        arrays = {f"weight_{n}": values for n, values in enumerate(self.weights)}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays, **{DESCRIPTION: encode(description)})  # type: ignore[arg-type]
        path = trained_member(checkpoint, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, buffer.getvalue())


def checkpoint_of(context: Context) -> Path:
    """Return the checkpoint of a training; those of further members lie beside it."""
    return context.workspace.checkpoint(context.fingerprints["train"])


def read_members(checkpoint: Path, count: int) -> list[Member]:
    """Return the members that were trained before an interruption, up to the first missing one."""
    found: list[Member] = []
    for number in range(1, count):  # the last one ends the training
        member = _read(trained_member(checkpoint, number))
        if member is None:
            break
        found.append(member)
    return found


def remove_files(checkpoint: Path, count: int) -> None:
    """Remove all files of a training, which is complete or starts again."""
    for number in range(1, count + 1):
        Checkpoint(of_member(checkpoint, number)).remove()
        trained_member(checkpoint, number).unlink(missing_ok=True)


def joint_history(members: Sequence[Member]) -> tuple[History, list[TrainingCost]]:
    """Return the logs of all epochs, and the cost of all members up to the end of each."""
    history: History = []
    costs: list[TrainingCost] = []
    for member in members:
        before = costs[-1] if costs else TrainingCost()
        history += member.history
        costs += [before + cost for cost in member.costs]
    return history, costs


def _read(path: Path) -> Member | None:
    """Return the member in a file, or None if there is none; a damaged one counts as missing."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = dict(file)
        description = decode(arrays.pop(DESCRIPTION))
        weights = [arrays[f"weight_{number}"] for number in range(len(arrays))]
        description["costs"] = from_json(list[TrainingCost], description["costs"])
        return Member(weights, **description)
    except DAMAGED:
        return None
