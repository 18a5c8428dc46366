"""Checks of the trials of a grid before the first one begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from pipeline.errors import RequestError
from pipeline.progress import Progress, Silent
from pipeline.stages import STAGES, check_network
from pipeline.studies.axes import Values, grid
from pipeline.studies.reading import Study
from pipeline.studies.results import SEED
from pipeline.studies.schema import GRID


def grid_trials(study: Study) -> list[Values]:
    """Return the trials of a grid, as far as they are within the budget of trials."""
    if study.settings.search.name != GRID:
        return []
    return list(islice(grid(study.axes), study.settings.budget.trials))


def check_combinations(study: Study, trials: list[Values]) -> None:
    """Check the configurations of trials without TensorFlow.

    Raises:
        RequestError: a trial has values that cannot be combined; the message names it.
    """
    for values in trials:
        with errors_of_trial(values):
            config = study.config_of(values)
            for stage in STAGES:
                stage.validate(config)


def check_networks(study: Study, trials: list[Values], progress: Progress) -> None:
    """Build networks and optimizers of some trials, which together have every value.

    Raises:
        RequestError: Keras does not know a name or an argument; the message names the trial.
        MissingExtra: the extra ``train`` is not installed.
    """
    known: set[str] = set()
    with progress.task("checking the trials"):
        for values in trials:
            new = {f"{key}={value}" for key, value in values.items() if key != SEED} - known
            if new:
                with errors_of_trial(values):
                    check_network(study.config_of(values), Silent())
                known |= new


@contextmanager
def errors_of_trial(values: Values) -> Iterator[None]:
    """Name the trial in errors of a request."""
    try:
        yield
    except RequestError as error:
        described = ", ".join(f"{key}={value}" for key, value in values.items())
        raise type(error)(f"The trial with {described} cannot run. {error}") from error
