"""The metrics of one split, for every task: the loss, the scores, and metrics by class."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pipeline.artifacts.serialization import from_json

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A confidence interval, and the method that it was computed with."""

    low: float
    high: float
    method: str
    confidence: float = CONFIDENCE


@dataclass(frozen=True)
class MemberScore:
    """The score of one network of a committee on two splits; ``name`` is that of the score.

    ``validation`` is None without a validation set.
    """

    name: str
    validation: float | None
    test: float


@dataclass(frozen=True)
class ClassMetrics:
    """The metrics of one class; ``images`` is its number of images."""

    name: str
    precision: float
    recall: float
    f1: float
    images: int


@dataclass(frozen=True)
class Metrics:
    """All metrics of one split; rows of the confusion matrix are true classes.

    ``scores`` are the task's metrics by name, such as ``accuracy``, the most important first.
    ``baseline`` are those of the best constant prediction: the majority class, or the mean.
    """

    images: int
    loss: float
    scores: dict[str, float]
    classes: tuple[ClassMetrics, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    baseline: dict[str, float] = field(default_factory=dict)

    @property
    def headline(self) -> tuple[str, float]:
        """The name and value of the first score, for summaries with a single number."""
        return next(iter(self.scores.items()))

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a published manifest, in which each score is a key.

        Older versions have no baseline.
        """
        plain = asdict(self)
        scores = plain.pop("scores")
        if not self.baseline:
            plain.pop("baseline")
        return {"images": plain.pop("images"), "loss": plain.pop("loss"), **scores, **plain}


def metrics_from_json(value: dict[str, Any]) -> Metrics:
    """Return metrics from the result of ``as_json``; only numbers count as scores.

    Raises:
        ValueError: the value is not a mapping, or has no score.
    """
    if not isinstance(value, dict):
        raise ValueError(f"the metrics of a split must be a mapping; got {value!r:.100}")
    known = {entry.name for entry in fields(Metrics)}
    others = {name: score for name, score in value.items() if name not in known}
    scores = {name: score for name, score in others.items() if type(score) in {int, float}}
    if not scores:
        raise ValueError("the metrics of a split must include a score")
    return from_json(Metrics, {**value, "scores": scores})
