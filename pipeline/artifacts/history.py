"""The history of a training: the logs of each epoch, and the work up to its end."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.artifacts.serialization import from_json
from pipeline.progress import TrainingCost

Logs = dict[str, float]  # the loss and the metrics of an epoch, as Keras names them
History = list[Logs]
HISTORY_FILE = "history.json"
COSTS_FILE = "costs.json"


def write_history(folder: Path, history: History, costs: Sequence[TrainingCost]) -> None:
    """Write the logs of each epoch, and the cost up to its end, beside the trained model."""
    _write(folder / HISTORY_FILE, history)
    _write(folder / COSTS_FILE, [asdict(cost) for cost in costs])


def read_history(folder: Path) -> History:
    """Return the logs of each epoch from the output of ``train``."""
    history: History = from_json(History, json.loads((folder / HISTORY_FILE).read_text()))
    return history


def read_costs(folder: Path) -> list[TrainingCost]:
    """Return the cost up to the end of each epoch from the output of ``train``."""
    return from_json(list[TrainingCost], json.loads((folder / COSTS_FILE).read_text()))


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
