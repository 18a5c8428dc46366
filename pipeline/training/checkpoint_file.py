"""What checkpoint files contain besides arrays, read without TensorFlow."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

DESCRIPTION = "description"
MAX_IDLE_DAYS = 30  # checkpoints that were not resumed by then are removed
DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


def encode(description: dict[str, Any]) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Return the description as an array of bytes, as it is stored among the arrays."""
    return np.frombuffer(json.dumps(description).encode(), np.uint8)


def decode(stored: "np.ndarray[Any, Any]") -> dict[str, Any]:
    """Return the description from the result of ``encode``.

    Raises:
        ValueError: it is damaged.
    """
    description: dict[str, Any] = json.loads(stored.tobytes())
    return description


def of_member(checkpoint: Path, number: int) -> Path:
    """Return the checkpoint of a member of a committee, counted from 1, beside that of the first.

    Each member has its own: that of a completed one may still be there after a crash.
    """
    return checkpoint if number == 1 else checkpoint.with_stem(f"{checkpoint.stem}-{number}")


def trained_member(checkpoint: Path, number: int) -> Path:
    """Return the file of a completed member of a committee, counted from 1."""
    return checkpoint.with_stem(f"{checkpoint.stem}-trained-{number}")


def interrupted_epoch(path: Path) -> int | None:
    """Return the epoch, counted from 1, in which a training resumes; None without a checkpoint.

    Epochs of a committee are counted through all members.
    """
    epochs, number = 0, 1
    while (member := _described(trained_member(path, number))) is not None:
        epochs, number = epochs + len(member["history"]), number + 1
    saved = _described(of_member(path, number))
    if saved is not None:
        return epochs + int(saved["position"]["epoch"]) + 1
    return epochs + 1 if epochs else None


def _described(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return decode(file[DESCRIPTION])
    except DAMAGED:
        return None
