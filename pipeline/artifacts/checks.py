"""One artifact in one runtime: what was found."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from pipeline.artifacts.cost import Cost, cost_from_json
from pipeline.artifacts.formats import FLOAT32


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
        """Return plain values for a manifest."""
        difference = self.max_abs_diff
        finite = difference if difference is not None and math.isfinite(difference) else None
        return {**asdict(self), "max_abs_diff": finite, "passed": self.passed}


def check_from_json(value: dict[str, Any]) -> Check:
    """Return a check from what ``as_json`` gave; what older manifests lack is left empty."""
    known = {field.name: value[field.name] for field in fields(Check) if field.name in value}
    cost, ratios = known.get("cost"), known.get("times_of_original")
    read = {
        "failures": tuple(known["failures"]),
        "cost": cost and cost_from_json(cost),
        "times_of_original": ratios and {int(size): ratio for size, ratio in ratios.items()},
    }
    return Check(**{**known, **read})
