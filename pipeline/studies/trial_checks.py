"""Checks of the trials of a study before the first one begins."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from pipeline.artifacts.stage_facts import EvaluateFacts
from pipeline.errors import ConfigError, RequestError
from pipeline.stages import STAGES
from pipeline.studies.axes import Values, all_axes, covering
from pipeline.studies.points import LISTED, points
from pipeline.studies.reading import Study
from pipeline.studies.schema import SEED


def checked_trials(study: Study) -> list[Values]:
    """Return the trials within the budget; for a sampler, some that have every value."""
    search = study.settings.search.name
    if search not in LISTED:
        return list(covering(study.axes))
    return list(islice(points(search, study.axes), study.settings.budget.trials))


def with_new_values(trials: Sequence[Values]) -> list[Values]:
    """Return those trials that have a value, but for the seed, which no earlier one has."""
    known: set[str] = set()
    found: list[Values] = []
    for values in trials:
        own = {f"{key}={value}" for key, value in values.items() if key != SEED}
        if not found or own - known:
            found.append(values)
        known |= own
    return found


def check_effects(study: Study) -> None:
    """Check that trials differ in something: they end before the last stages.

    Raises:
        ConfigError: no stage of a trial reads the key of an axis.
    """
    last = [stage.name for stage in STAGES].index(EvaluateFacts.stage)
    read = {key.partition(".")[0] for stage in STAGES[: last + 1] for key in stage.reads}
    for axis in all_axes(study.axes):
        if axis.key.partition(".")[0] not in read:
            raise ConfigError(
                f"axes.{axis.key} has no effect: the trials of a study end after "
                f"{EvaluateFacts.stage}, and no stage up to it reads the key; got it in "
                f"{axis.place}. Remove it."
            )


def check_combinations(study: Study, trials: list[Values]) -> None:
    """Check the configurations of trials without TensorFlow.

    Raises:
        RequestError: a trial has values that cannot be combined; the message names it.
    """
    for values in trials:
        with errors_of_trial(values):
            config = study.config_of(values)
            if config.data.validation == 0:
                raise RequestError(
                    "A study compares trials on the validation set; got data.validation: 0. Set "
                    "images aside, for example data.validation: 5000."
                )
            for stage in STAGES:
                stage.validate(config)


@contextmanager
def errors_of_trial(values: Values) -> Iterator[None]:
    """Name the trial in errors of a request."""
    try:
        yield
    except RequestError as error:
        described = ", ".join(f"{key}={value}" for key, value in values.items())
        raise type(error)(f"The trial with {described} cannot run. {error}") from error
