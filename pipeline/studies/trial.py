"""The result of one trial of a study."""

from dataclasses import dataclass
from typing import Literal

from pipeline.artifacts.history import Logs
from pipeline.progress import TrainingCost
from pipeline.studies.axes import Values

Status = Literal["complete", "pruned", "diverged", "stalled", "failed"]


@dataclass(frozen=True)
class Trial:
    """A trial: the values of the axes, and what the training with them led to.

    ``metrics`` are those of the validation set, the loss first; of a pruned trial, after its last
    epoch; empty if the training failed, for the given ``reason``. ``fingerprint`` is that of the
    stage ``train``; ``history`` and ``costs`` have one entry for each completed epoch.
    """

    values: Values
    status: Status
    metrics: dict[str, float]
    fingerprint: str
    history: tuple[Logs, ...] = ()
    costs: tuple[TrainingCost, ...] = ()
    reason: str = ""

    @property
    def seconds(self) -> float:
        """The time inside training steps, in seconds."""
        return self.costs[-1].seconds if self.costs else 0.0
