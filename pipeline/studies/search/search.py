"""The interface of a search, and the grid, which needs no results."""

from dataclasses import dataclass
from typing import Protocol

from pipeline.studies.axes import Axis, Values, grid
from pipeline.studies.trial import Trial


class Proposal(Protocol):
    """A trial to run."""

    @property
    def values(self) -> Values:
        """The values of the axes."""

    def should_prune(self, epoch: int, score: float) -> bool:
        """Report the validation score after an epoch, counted from 1; return whether to stop."""


class Search(Protocol):
    """Proposes trials; depends on nothing but the study and the results it is told, in order."""

    def propose(self) -> Proposal | None:
        """Return the next trial, or None if there are no more."""

    def tell(self, proposal: Proposal, trial: Trial) -> None:
        """Take the result of a proposed trial into account."""


@dataclass(frozen=True)
class GridPoint(Proposal):
    """A point of the grid, which is never pruned."""

    values: Values

    def should_prune(self, epoch: int, score: float) -> bool:
        """Never stop."""
        del epoch, score
        return False


class Grid(Search):
    """All combinations of the values of the axes."""

    def __init__(self, axes: tuple[Axis, ...]) -> None:
        self._points = grid(axes)

    def propose(self) -> Proposal | None:
        """Return the next point of the grid."""
        return next(map(GridPoint, self._points), None)

    def tell(self, proposal: Proposal, trial: Trial) -> None:
        """Ignore the result."""
