"""The metrics of one split, for every task: the loss, the task's scores, and each class."""

from dataclasses import asdict, dataclass, fields
from typing import Any


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

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a published manifest, where scores are keys of their own."""
        plain = asdict(self)
        scores = plain.pop("scores")
        return {"images": plain.pop("images"), "loss": plain.pop("loss"), **scores, **plain}


def metrics_from_json(value: dict[str, Any]) -> Metrics:
    """Return metrics from what ``as_json`` gave.

    Raises:
        ValueError: the value is not such a mapping.
    """
    try:
        known = {field.name for field in fields(Metrics)}
        return Metrics(
            images=int(value["images"]),
            loss=float(value["loss"]),
            scores={name: float(score) for name, score in value.items() if name not in known},
            classes=tuple(ClassMetrics(**row) for row in value.get("classes", ())),
            confusion=tuple(tuple(map(int, row)) for row in value.get("confusion", ())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"metrics must have images, loss and scores; got {value!r:.100}"
        ) from error
