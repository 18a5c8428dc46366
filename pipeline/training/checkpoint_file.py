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


def interrupted_epoch(path: Path) -> int | None:
    """Return the epoch, counted from 1, in which a training resumes; None without a checkpoint."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return int(decode(file[DESCRIPTION])["position"]["epoch"]) + 1
    except DAMAGED:
        return None
