"""The result of one artifact in one runtime."""

from dataclasses import dataclass
from typing import Any

from pipeline.artifacts.cost import Cost
from pipeline.artifacts.formats import FLOAT32
from pipeline.artifacts.serialization import to_json


@dataclass(frozen=True)
class Check:
    """The result of one artifact in one runtime; without ``ran`` it neither passed nor failed.

    ``asked`` is the setting requested of the runtime. ``times_of_original`` of a copy is its time
    per image relative to that of the file it was made from, by batch size. ``advice`` is the
    command that installs a missing runtime. ``is_reference`` marks the result that the others are
    compared with.
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
        """Whether it ran without failures; never true of the reference, compared with itself."""
        return self.ran and not self.failures and not self.is_reference

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a published manifest."""
        return {**to_json(self), "passed": self.passed}
