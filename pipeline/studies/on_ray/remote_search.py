"""A search in a process of its own, which the workers of running trials can ask."""

from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from pipeline.errors import MachineError, one_line
from pipeline.studies.axes import Values
from pipeline.studies.reading import Study
from pipeline.studies.search.opening import open_search
from pipeline.studies.search.search import Proposal, Search
from pipeline.studies.trial import Trial
from pipeline.tasks.task import Score


class RemoteSearch(Search):
    """The search of a study, with proposals that can be sent to workers."""

    def __init__(self, study: Study, score: Score) -> None:
        self._actor = ray.remote(num_cpus=0)(_SearchProcess).remote(study, score)

    def propose(self) -> Proposal | None:
        """Return the next trial."""
        number, values = _result(self._actor.propose.remote())
        return None if values is None else _RemoteProposal(number, values, self._actor)

    def tell(self, proposal: Proposal, trial: Trial) -> None:
        """Take the result of a proposed trial into account."""
        assert isinstance(proposal, _RemoteProposal)
        _result(self._actor.tell.remote(proposal.number, trial))


class _RemoteProposal(Proposal):
    """A proposal that asks the process of the search whether to stop."""

    def __init__(self, number: int, values: Values, actor: Any) -> None:
        super().__init__(values)
        self.number, self._actor = number, actor

    def should_prune(self, epoch: int, score: float) -> bool:
        """Report the validation score after an epoch; return whether to stop."""
        return bool(_result(self._actor.should_prune.remote(self.number, epoch, score)))


class _SearchProcess:
    """The process of the search; it keeps the proposals whose results it does not know yet."""

    def __init__(self, study: Study, score: Score) -> None:
        self._search, self._number = open_search(study, score), 0
        self._proposals: dict[int, Proposal] = {}

    def propose(self) -> tuple[int, Values | None]:
        """Return a number and the values of the next trial, or None if there are no more."""
        proposal = self._search.propose()
        if proposal is None:
            return self._number, None
        self._number += 1
        self._proposals[self._number] = proposal
        return self._number, proposal.values

    def tell(self, number: int, trial: Trial) -> None:
        """Take a result into account."""
        self._search.tell(self._proposals.pop(number), trial)

    def should_prune(self, number: int, epoch: int, score: float) -> bool:
        """Ask the pruner."""
        return self._proposals[number].should_prune(epoch, score)


def _result(reference: Any) -> Any:
    """Wait for the answer of the process.

    Raises:
        MachineError: the process has ended.
    """
    try:
        return ray.get(reference)
    except RayTaskError as error:
        raise error.cause from error
    except RayError as error:
        raise MachineError(
            f"The process of the study's search has ended: {one_line(error)} Completed trials are "
            "saved: run the same command again to resume."
        ) from error
