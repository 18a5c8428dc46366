"""The history of a training: the logs of each epoch, and the work up to its end."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts.serialization import from_json

Logs = dict[str, float]  # the loss and the metrics of an epoch, as Keras names them
History = list[Logs]
HISTORY_FILE = "history.json"
COSTS_FILE = "costs.json"


@dataclass(frozen=True)
class TrainingCost:
    """The work of a training up to some point.

    ``seconds`` were spent inside the compiled training steps: without validation, callbacks and
    compilation. ``gradients`` is the number of gradients computed, each of the loss of one batch,
    and ``images`` the number of images that they went over. Only the seconds differ between two
    runs of the same training.
    """

    seconds: float = 0.0
    gradients: int = 0
    images: int = 0

    def __add__(self, other: "TrainingCost") -> "TrainingCost":
        """Return the work of both."""
        return TrainingCost(
            self.seconds + other.seconds,
            self.gradients + other.gradients,
            self.images + other.images,
        )


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
