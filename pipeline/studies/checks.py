"""Checks of a study's settings beyond their schema: axes, target, search and pruner."""

from collections.abc import Mapping

from pipeline.config.places import Places
from pipeline.errors import ConfigError, did_you_mean
from pipeline.studies.axes import Axis, all_axes, choices_of
from pipeline.studies.points import LISTED, points
from pipeline.studies.schema import ONE_AT_A_TIME, SEED, StudySchema
from pipeline.tasks.task import Score

_PERCENT = 100
THREADS = "train.threads"
# Optuna's other pruners compare a trial with completed trials, or with none.
_COMPARE_RUNNING = {"successivehalving": "SuccessiveHalvingPruner", "hyperband": "HyperbandPruner"}


def check_settings(settings: StudySchema, axes: tuple[Axis, ...], places: Places) -> None:
    """Check what the schema of a study cannot, except for the values of the axes.

    Raises:
        ConfigError: a setting is invalid, or contradicts another one.
    """
    _check_keys(settings, places)
    _check_repeated(axes, {})
    _check_tuned(settings, axes, places)
    _check_search(settings, axes, places)
    _check_pruner(settings, places)


def check_target(target: float, score: Score, place: str) -> None:
    """Check that a validation score can have the value ``target``.

    Raises:
        ConfigError: it cannot.
    """
    if target > 0 and (score.is_error or target <= 1):
        return
    allowed = "greater than 0" if score.is_error else "greater than 0, and at most 1"
    write = f" Write {target / _PERCENT:g}." if 1 < target <= _PERCENT else ""
    raise ConfigError(
        f"target must be a validation {score.title} {allowed}; got {target:g} in {place}.{write}"
    )


def _check_keys(settings: StudySchema, places: Places) -> None:
    if not settings.axes:
        raise ConfigError(
            f"axes must have at least one key; got {{}} in {places.of(('axes',))}. Write for "
            "example axes: {train.seed: [0, 1, 2]}, or use pipeline run for a single network."
        )
    for section, keys in (("overrides", settings.overrides), ("axes", settings.axes)):
        if THREADS in keys:
            raise ConfigError(
                f"{THREADS} must be the same in all trials of a study; got it in "
                f"{places.of((section, THREADS))}. Set threads of the study instead."
            )
    for key in filter(settings.axes.__contains__, settings.overrides):
        raise ConfigError(
            f"{key} must be in overrides or in axes, not in both: overrides are the same in all "
            f"trials; got {places.of(('overrides', key))} and "
            f"{places.of(('axes', key))}. Remove one of them."
        )


def _check_repeated(axes: tuple[Axis, ...], outer: Mapping[str, str]) -> None:
    """Require that a trial has one axis for each key; ``outer`` maps other keys to their places."""
    for axis in axes:
        beside = all_axes(other for other in axes if other is not axis)
        others = {**outer, **{other.key: other.place for other in beside}}
        if axis.key in others:
            raise ConfigError(
                f"The same trials have two axes for {axis.key}: in {others[axis.key]}, and in "
                f"{axis.place}. Remove one of them."
            )
        for choice in choices_of(axis):
            _check_repeated(choice.axes, {**others, axis.key: axis.place})


def _check_tuned(settings: StudySchema, axes: tuple[Axis, ...], places: Places) -> None:
    keys = list(dict.fromkeys(axis.key for axis in all_axes(axes)))
    for key in settings.tuned if "tuned" in settings.model_fields_set else ():
        if key not in keys:
            raise ConfigError(
                f"tuned must name axes of the study; got {key!r} in "
                f"{places.of(('tuned',))}. {did_you_mean(key, keys)}The axes are "
                f"{', '.join(keys)}."
            )


def _check_search(settings: StudySchema, axes: tuple[Axis, ...], places: Places) -> None:
    search, budget = settings.search, settings.budget
    if search.name not in LISTED and (near := did_you_mean(search.name, LISTED)):
        raise ConfigError(
            f"Unknown search {search.name!r} in {places.of(('search',))}. {near}Choose from "
            f"{', '.join(LISTED)}, random, or a sampler of Optuna."
        )
    if search.name in LISTED:
        if search.arguments:
            raise ConfigError(
                f"search: {search.name} has no argument {next(iter(search.arguments))!r} in "
                f"{places.of(('search',))}. Remove it, or name a sampler of Optuna."
            )
        points(search.name, axes)  # reports an axis that is a range
        if search.name == ONE_AT_A_TIME:
            _check_alone(settings, axes, places)
    elif budget.trials is budget.epochs is budget.images is None:
        raise ConfigError(
            f"search: {search.name} requires a budget; got none in "
            f"{places.of(('search',))}. Set budget, for example budget: {{trials: 50}}."
        )


def _check_alone(settings: StudySchema, axes: tuple[Axis, ...], places: Places) -> None:
    if settings.tuned and "tuned" in settings.model_fields_set:
        raise ConfigError(
            "search: one_at_a_time does not tune keys; got tuned in "
            f"{places.of(('tuned',))}. Remove it, or use search: grid."
        )
    nested = [inner for axis in axes for c in choices_of(axis) for inner in all_axes(c.axes)]
    crossed = [axis for axis in axes if axis.key == SEED and any(c.axes for c in choices_of(axis))]
    for axis in [*(inner for inner in nested if inner.key == SEED), *crossed]:
        raise ConfigError(
            "With search: one_at_a_time, all combinations have the same seeds, so train.seed must "
            f"be an axis of its own, a list of numbers; got another one in {axis.place}."
        )


def _check_pruner(settings: StudySchema, places: Places) -> None:
    """Require that the pruner does not depend on which of several running trials is faster."""
    pruner, parallel = settings.pruner, settings.search.parallel
    if pruner and parallel > 1 and pruner.name in _COMPARE_RUNNING:
        raise ConfigError(
            f"{_COMPARE_RUNNING[pruner.name]} compares trials while they run, so with several at a "
            "time its decisions would depend on their speed; got search.parallel "
            f"{parallel} in {places.of(('search', 'parallel'))}. Set it to 1, or choose a "
            "pruner that compares with completed trials, for example pruner: "
            "{name: median}."
        )
