"""The metrics of one split, for every task: the loss, the task's scores, and each class."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from pipeline.artifacts.serialization import from_json


@dataclass(frozen=True)
class ClassMetrics:
    """How well one class is found; ``images`` is how many there are of it."""

    name: str
    precision: float
    recall: float
    f1: float
    images: int


@dataclass(frozen=True)
class Metrics:
    """All metrics of one split; rows of the confusion matrix are true classes.

    ``scores`` are the task's metrics by name, such as ``accuracy``, the most important first.
    """

    images: int
    loss: float
    scores: dict[str, float]
    classes: tuple[ClassMetrics, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()

    @property
    def headline(self) -> tuple[str, float]:
        """The name and the value of the first score: where one number must stand for all."""
        return next(iter(self.scores.items()))

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a published manifest, where scores are keys of their own."""
        plain = asdict(self)
        scores = plain.pop("scores")
        return {"images": plain.pop("images"), "loss": plain.pop("loss"), **scores, **plain}


def metrics_from_json(value: dict[str, Any]) -> Metrics:
    """Return metrics from what ``as_json`` gave; what is no number is no score.

    Raises:
        ValueError: the value is not such a mapping, or has no score.
    """
    if not isinstance(value, dict):
        raise ValueError(f"no metrics of a split: {value!r:.100}")
    known = {field.name for field in fields(Metrics)}
    others = {name: score for name, score in value.items() if name not in known}
    scores = {name: score for name, score in others.items() if type(score) in {int, float}}
    if not scores:
        raise ValueError("metrics of a split without a score")
    return from_json(Metrics, {**value, "scores": scores})
