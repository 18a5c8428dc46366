"""The interface of a search, and the searches that need no results."""

from collections.abc import Iterator
from typing import Protocol

from pipeline.studies.axes import Values
from pipeline.studies.trial import Trial


class Proposal:
    """A trial to run, with its values of the axes; without a pruner, it is never stopped."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def should_prune(self, epoch: int, score: float) -> bool:
        """Report the validation score after an epoch, counted from 1; return whether to stop."""
        del epoch, score
        return False


class Search(Protocol):
    """Proposes trials, which depend only on the study and on the results of earlier ones."""

    def propose(self) -> Proposal | None:
        """Return the next trial, or None if there are no more."""

    def tell(self, proposal: Proposal, trial: Trial) -> None:
        """Take the result of a proposed trial into account."""


class Listed(Search):
    """Trials that are known from the start."""

    def __init__(self, points: Iterator[Values]) -> None:
        self._points = points

    def propose(self) -> Proposal | None:
        """Return the next of them."""
        return next(map(Proposal, self._points), None)

    def tell(self, proposal: Proposal, trial: Trial) -> None:
        """Ignore the result."""
