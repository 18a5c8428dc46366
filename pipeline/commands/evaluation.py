"""The result of ``pipeline evaluate``: what became of every labeled picture."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Outcome = Literal["right", "wrong", "no answer", "unreadable"]


@dataclass(frozen=True)
class Answer:
    """One picture with its label and what the model said; ``reason`` says why it is unsure.

    Of a value, ``outcome`` is "right" whatever its error. ``unreadable`` pictures have the reason
    why they could not be read.
    """

    name: str
    label: str
    answer: str | None
    probability: float | None
    value: float | None
    unsure: bool
    reason: str | None
    outcome: Outcome

    @property
    def is_silent_mistake(self) -> bool:
        """Whether the answer is wrong, and nothing warned of it."""
        return self.outcome == "wrong" and not self.unsure


@dataclass(frozen=True)
class Evaluation:
    """The answers of a model to labeled pictures.

    ``class_names`` is empty for values. ``source`` names the pictures, ``changes`` how they were
    changed before. ``image`` returns what the model saw, by the name of an answer: uint8 (height,
    width, channels), or None if the file cannot be read any more.
    """

    model: str
    source: str
    class_names: tuple[str, ...]
    answers: tuple[Answer, ...]
    image: Callable[[str], Pixels | None] = field(repr=False, compare=False)
    changes: str = ""

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many pictures had each outcome."""
        found = Counter(answer.outcome for answer in self.answers)
        outcomes: tuple[Outcome, ...] = ("right", "wrong", "no answer", "unreadable")
        return {outcome: found[outcome] for outcome in outcomes}

    @property
    def accuracy(self) -> float:
        """The share of all pictures that are right, 0 to 1: one without an answer is not."""
        return self.counts["right"] / len(self.answers)

    @property
    def sure(self) -> list[Answer]:
        """The answers that come without a warning."""
        return [a for a in self.answers if a.answer is not None and not a.unsure]

    @property
    def doubtful(self) -> list[Answer]:
        """The readable pictures with a warning: first those without an answer, then wrong ones."""
        order: tuple[Outcome, ...] = ("no answer", "wrong", "right")
        found = [a for a in self.answers if a.unsure and a.outcome in order]
        return sorted(found, key=lambda answer: order.index(answer.outcome))

    @property
    def warned(self) -> int:
        """How many readable pictures have a warning."""
        return len(self.doubtful)

    @property
    def sure_accuracy(self) -> float | None:
        """The share of answers without a warning that are right; None if there are none."""
        return fmean(a.outcome == "right" for a in self.sure) if self.sure else None

    @property
    def silent_mistakes(self) -> list[Answer]:
        """The wrong answers without a warning, the most confident first."""
        found = [answer for answer in self.answers if answer.is_silent_mistake]
        return sorted(found, key=lambda answer: -(answer.probability or 0))

    @property
    def rmse(self) -> float | None:
        """The root mean square error of values; None for classes."""
        errors = [(a.value - float(a.label)) ** 2 for a in self.answers if a.value is not None]
        return fmean(errors) ** 0.5 if errors and not self.class_names else None

    def confusion(self) -> list[list[int]]:
        """Return counts of answers: a row for each label, a column for each answer."""
        places = {name: place for place, name in enumerate(self.class_names)}
        counts = [[0] * len(places) for _ in places]
        for answer in self.answers:
            if answer.answer is not None and answer.label in places:
                counts[places[answer.label]][places[answer.answer]] += 1
        return counts

    def reasons(self) -> list[tuple[str, int]]:
        """Return why answers are unsure or missing, with the numbers of pictures.

        What differs from picture to picture, after a colon, is left out.
        """
        told = (a.reason for a in self.answers if a.reason and a.outcome != "unreadable")
        return Counter(reason.split(":")[0] for reason in told).most_common()


def worst(evaluation: Evaluation, most: int) -> Sequence[Answer]:
    """Return the answers to look at first: wrong without a warning, then values far off."""
    if evaluation.class_names:
        return evaluation.silent_mistakes[:most]
    valued = [a for a in evaluation.answers if a.value is not None]
    return sorted(valued, key=lambda a: -abs((a.value or 0) - float(a.label)))[:most]
