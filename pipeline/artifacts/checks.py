"""The result of one artifact in one runtime."""

from dataclasses import dataclass
from typing import Any

from pipeline.artifacts.cost import Cost
from pipeline.artifacts.formats import FLOAT32
from pipeline.artifacts.serialization import to_json

_NEWER = ("allowed_diff", "weights_equal")  # fields that older manifests do not have


@dataclass(frozen=True)
class Check:
    """The result of one artifact in one runtime; without ``ran`` it neither passed nor failed.

    ``asked`` is the setting requested of the runtime. ``times_of_original`` of a copy is its time
    per image relative to that of the file it was made from, by batch size. ``advice`` is the
    command that installs a missing runtime. ``is_reference`` marks the result that the others are
    compared with. ``max_abs_diff`` is the largest difference of a prediction from the expected one,
    ``allowed_diff`` what is allowed for that prediction. ``weights_equal`` tells whether the
    weights in the file are the trained ones; None if its format does not permit the comparison.
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
    allowed_diff: float | None = None
    weights_equal: bool | None = None

    @property
    def passed(self) -> bool:
        """Whether it ran without failures; never true of the reference, compared with itself."""
        return self.ran and not self.failures and not self.is_reference

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a published manifest; without newer fields that are not set."""
        values = {**to_json(self), "passed": self.passed}
        unset = [name for name in _NEWER if values[name] is None]
        return {name: value for name, value in values.items() if name not in unset}
