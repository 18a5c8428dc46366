"""One artifact in one runtime: what was found."""

from dataclasses import dataclass
from typing import Any

from pipeline.artifacts.cost import Cost
from pipeline.artifacts.formats import FLOAT32
from pipeline.artifacts.serialization import to_json


@dataclass(frozen=True)
class Check:
    """What one artifact answered in one runtime; without ``ran`` it neither passed nor failed.

    ``asked`` is a setting that the runtime was asked for; ``times_of_original``, of a copy, the
    time of an image divided by that of the file it was made from, by batch size; ``advice`` the
    command that adds a runtime that is not installed; ``is_reference`` says that the others are
    compared with it.
    """

    artifact: str
    runtime: str
    ran: bool
    failures: tuple[str, ...] = ()
    max_abs_diff: float | None = None
    label_agreement: float | None = None
    accuracy: float | None = None
    precision: str = FLOAT32
    asked: str = ""
    bytes: int | None = None
    cost: Cost | None = None
    times_of_original: dict[int, float] | None = None
    advice: str = ""
    is_reference: bool = False

    @property
    def passed(self) -> bool:
        """Whether it ran and nothing was wrong; what is compared with itself proves nothing."""
        return self.ran and not self.failures and not self.is_reference

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a published manifest."""
        return {**to_json(self), "passed": self.passed}
