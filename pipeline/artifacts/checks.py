"""The result of one artifact in one runtime."""

from dataclasses import dataclass, fields
from typing import Any

from pipeline.artifacts.cost import Cost
from pipeline.artifacts.formats import FLOAT32
from pipeline.artifacts.serialization import from_json, to_json

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
    ``score`` is that of the task on the test set, such as the accuracy.
    """

    artifact: str
    runtime: str
    ran: bool
    failures: tuple[str, ...] = ()
    max_abs_diff: float | None = None
    label_agreement: float | None = None
    score: float | None = None
    score_name: str = "accuracy"
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
        """Return plain values for a published manifest, in which the score is a key by its name.

        Newer fields that are not set are left out.
        """
        values = {**to_json(self), "passed": self.passed}
        values[values.pop("score_name")] = values.pop("score")
        unset = [name for name in _NEWER if values[name] is None]
        return {name: value for name, value in values.items() if name not in unset}


def check_from_json(value: dict[str, Any]) -> Check:
    """Return a check from the result of ``as_json``.

    Raises:
        ValueError: the value is not a mapping, or has no score.
    """
    if not isinstance(value, dict):
        raise ValueError(f"a check must be a mapping; got {value!r:.100}")
    known = {entry.name for entry in fields(Check)}
    names = [name for name in value if name not in known and name != "passed"]
    if len(names) != 1:
        raise ValueError(f"a check must have one score; got {', '.join(names) or 'none'}")
    return from_json(Check, {**value, "score": value[names[0]], "score_name": names[0]})
