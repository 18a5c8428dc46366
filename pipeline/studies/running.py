"""Run the trials of a study until its budget is used up."""

from collections.abc import Iterable, Sequence
from itertools import islice, takewhile

from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, Unit
from pipeline.studies.axes import Values
from pipeline.studies.budget import is_used_up, within
from pipeline.studies.executor import open_executor
from pipeline.studies.points import LISTED, num_listed
from pipeline.studies.reading import Study
from pipeline.studies.schema import StudySchema
from pipeline.studies.search.opening import open_search
from pipeline.studies.search.search import Listed, Proposal, Search
from pipeline.studies.training_checks import check_batch_sizes, check_networks
from pipeline.studies.trial import Trial
from pipeline.studies.trial_checks import (
    check_combinations,
    check_effects,
    checked_trials,
    with_new_values,
)
from pipeline.studies.trial_runs import is_stored
from pipeline.tasks.registry import task_of


def run_trials(study: Study, workspace: Workspace, progress: Progress) -> tuple[Trial, ...]:
    """Run the trials that are not stored; return the results of all, in the order proposed.

    Raises:
        RequestError: a trial is invalid.
        MachineError: the machine prevents the work.
    """
    settings = study.settings
    trials: list[Trial] = []
    _check(study, workspace, progress)
    with (
        progress.task(f"study {study.name}", total=_total(study), unit=Unit("trials")) as task,
        open_executor(study, workspace, progress, task) as executor,
    ):
        search = executor.open_search(task_of(study.config_of({})).quality)
        while not is_used_up(settings.budget, trials):
            finished = []
            for proposal, trial in executor.run(_batch(search, settings, trials)):
                finished.append((proposal, trial))
                trials.append(trial)
            if not finished:
                break
            for proposal, trial in finished:
                search.tell(proposal, trial)
    return within(settings.budget, trials)


def _check(study: Study, workspace: Workspace, progress: Progress) -> None:
    """Find what is wrong with any trial before the first one begins."""
    check_effects(study)
    trials = checked_trials(study)
    check_combinations(study, trials)
    if study.settings.executor != "local":  # on Ray, this process trains nothing
        return
    trials = with_new_values(trials)
    if not _are_checked(study, trials, workspace):
        check_networks(study, trials, progress)
        check_batch_sizes(study, trials, workspace, progress)


def _are_checked(study: Study, trials: Sequence[Values], workspace: Workspace) -> bool:
    """Return whether results show that the trials have been checked before.

    A search without a sampler has no others; a sampler always proposes the same one first.
    """
    if study.settings.search.name not in LISTED:
        first = open_search(study, task_of(study.config_of({})).quality).propose()
        assert first is not None, "a sampler always proposes a trial"
        trials = [first.values]
    return all(is_stored(study.config_of(values), workspace) for values in reversed(trials))


def _batch(search: Search, settings: StudySchema, trials: Sequence[Trial]) -> Iterable[Proposal]:
    """Return the next trials to run; the search gets their results when all have finished."""
    limit = settings.budget.trials
    allowed = None if limit is None else limit - len(trials)
    proposed = islice(iter(search.propose, None), allowed)
    if isinstance(search, Listed):  # it needs no results, but they count toward the budget
        return takewhile(lambda _: not is_used_up(settings.budget, trials), proposed)
    return list(islice(proposed, settings.search.parallel))


def _total(study: Study) -> int | None:
    """Return the largest number of trials, if it is known."""
    limit, search = study.settings.budget.trials, study.settings.search.name
    if search not in LISTED:
        return limit
    num = num_listed(search, study.axes)
    return num if limit is None else min(limit, num)
