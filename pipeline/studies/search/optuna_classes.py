"""Optuna's samplers and pruners by name, every argument checked."""

import inspect
import warnings
from typing import Any

import optuna

from pipeline.errors import ConfigError, did_you_mean, sentence
from pipeline.studies.points import LISTED
from pipeline.studies.reading import Study
from pipeline.studies.schema import Pruner

# Optuna changes these defaults between major versions; a study should not change with them.
_PINNED: dict[str, dict[str, Any]] = {
    "tpe": {"n_startup_trials": 10, "multivariate": True, "constant_liar": True},
}
_NOT_BY_NAME = {"base", "basega", "partialfixed", "grid"}  # abstract, or need objects; see `grid`


def build_sampler(study: Study) -> optuna.samplers.BaseSampler:
    """Return the sampler that ``search`` names, with its seed.

    Raises:
        ConfigError: Optuna does not know the name or an argument.
    """
    search = study.settings.search
    known = _classes(optuna.samplers, "Sampler")
    kind = _choose(study, "search", search.name, known)
    implied = {**_PINNED.get(search.name, {}), "seed": search.seed}
    sampler: optuna.samplers.BaseSampler = _create(study, "search", kind, search.arguments, implied)
    return sampler


def build_pruner(study: Study) -> optuna.pruners.BasePruner:
    """Return the pruner, by default one that never stops a trial.

    Raises:
        ConfigError: Optuna does not know the name or an argument.
    """
    pruner = study.settings.pruner or Pruner(name="nop")
    kind = _choose(study, "pruner", pruner.name, _classes(optuna.pruners, "Pruner"))
    built: optuna.pruners.BasePruner = _create(study, "pruner", kind, pruner.arguments, {})
    return built


def _classes(module: Any, suffix: str) -> dict[str, type]:
    named = {name.removesuffix(suffix).lower(): vars(module)[name] for name in module.__all__}
    return {
        n: kind for n, kind in named.items() if isinstance(kind, type) and n not in _NOT_BY_NAME
    }


def _choose(study: Study, key: str, name: str, known: dict[str, type]) -> type:
    if name not in known:
        choices = sorted([*known, *LISTED] if key == "search" else known)
        raise ConfigError(
            f"Unknown {key} {name!r} in {study.places.of((key,))}. {did_you_mean(name, choices)}"
            f"Choose from {', '.join(choices)}."
        )
    return known[name]


def _create(
    study: Study, key: str, kind: type, arguments: dict[str, Any], implied: dict[str, Any]
) -> Any:
    place, parameters = study.places.of((key,)), inspect.signature(kind).parameters
    for name in arguments:
        if name not in parameters:
            raise ConfigError(
                f"{kind.__name__} has no argument {name!r} ({key} in {place}). "
                f"{did_you_mean(name, parameters)}Choose from {', '.join(parameters)}."
            )
    given = {name: value for name, value in implied.items() if name in parameters} | arguments
    try:
        with warnings.catch_warnings():  # that a class is experimental
            warnings.simplefilter("ignore")
            return kind(**given)
    except (TypeError, ValueError, AssertionError) as error:
        raise ConfigError(
            f"{kind.__name__} does not accept its arguments ({key} in {place}): {sentence(error)}"
        ) from error
