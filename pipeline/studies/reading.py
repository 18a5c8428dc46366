"""YAML -> ``Study``, with errors that name key, file and line."""

import json
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pipeline.config.error_messages import sentences
from pipeline.config.finding import STUDIES, find_config
from pipeline.config.places import Places
from pipeline.config.reading import Override, read
from pipeline.config.schema import Config
from pipeline.config.yaml_file import read_mapping
from pipeline.errors import ConfigError
from pipeline.studies.axes import Axis, Values, grid, single_values
from pipeline.studies.axes_reading import read_axes
from pipeline.studies.schema import GRID, StudySchema

THREADS = "train.threads"
# Optuna's other pruners compare a trial with completed trials, or with none.
_COMPARE_RUNNING = {"successivehalving": "SuccessiveHalvingPruner", "hyperband": "HyperbandPruner"}


@dataclass(frozen=True)
class Study:
    """A study: its settings, the configuration it varies, and the axes."""

    settings: StudySchema
    base: Path
    axes: tuple[Axis, ...]
    places: Places

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.settings.name

    def config_of(self, values: Values) -> Config:
        """Return the configuration of the trial with these values of the axes.

        Raises:
            ConfigError: a value is not one that the configuration can have.
        """
        return read(self.base, self._overrides(values))

    def checked_configs(self) -> Iterator[Config]:
        """Yield the base and, for each value of each axis, a configuration that has it.

        Raises:
            ConfigError: a value is not one that the configuration can have.
        """
        yield self.config_of({})
        yield from map(self.config_of, single_values(self.axes))

    def _overrides(self, values: Values) -> Iterator[Override]:
        for section, settings in (("overrides", self.settings.overrides), ("axes", values)):
            for key, value in settings.items():
                yield Override(key, value, self.places.of((section, key)))
        yield Override(THREADS, self.settings.threads, self.places.of(("threads",)))


def read_study(path: Path) -> Study:
    """Read the file of a study, or ``configs/studies/NAME.yaml``, and check every value.

    Raises:
        ConfigError: the file, or a value of an axis, does not fit the schema.
    """
    file = find_config(path, STUDIES, "study")
    values, places = read_mapping(
        file, StudySchema, kind="study", example=f"{STUDIES / 'optimizers.yaml'} for an example"
    )
    if "axes" not in values and values.keys() & Config.model_fields.keys() - {"name"}:
        raise ConfigError(
            f"{file} is a configuration, not a study: it has no axes. Write a study of it, with "
            f"base and axes; see {STUDIES / 'optimizers.yaml'} for an example."
        )
    try:
        settings = StudySchema.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise ConfigError("\n".join(sentences(error, places, StudySchema).values())) from error
    base = Path(os.path.normpath(file.parent / settings.base))
    if not base.is_file():
        raise ConfigError(
            f"base must be a configuration, relative to the study's file; got {settings.base!r} in "
            f"{places.of(('base',))}, and {base} does not exist."
        )
    study = Study(settings, base, read_axes(settings.axes, places), places)
    _check_values(study)
    _check_search(study)
    _check_pruner(study)
    return study


def _check_values(study: Study) -> None:
    for section, keys in (("overrides", study.settings.overrides), ("axes", study.settings.axes)):
        if THREADS in keys:
            raise ConfigError(
                f"{THREADS} must be the same in all trials of a study; got it in "
                f"{study.places.of((section, THREADS))}. Set threads of the study instead."
            )
    deque(study.checked_configs(), maxlen=0)


def _check_search(study: Study) -> None:
    search, budget = study.settings.search, study.settings.budget
    if search.name == GRID:
        if search.arguments:
            raise ConfigError(
                f"search: grid has no argument {next(iter(search.arguments))!r} in "
                f"{study.places.of(('search',))}. Remove it, or name a sampler of Optuna."
            )
        next(grid(study.axes))  # reports an axis that is a range
    elif budget.trials is budget.epochs is budget.images is None:
        raise ConfigError(
            f"search: {search.name} ends only with a budget; got none in "
            f"{study.places.of(('search',))}. Set budget, for example budget: {{trials: 50}}."
        )


def _check_pruner(study: Study) -> None:
    """Require that the pruner does not depend on which of several running trials is faster."""
    pruner, parallel = study.settings.pruner, study.settings.search.parallel
    if pruner and parallel > 1 and pruner.name in _COMPARE_RUNNING:
        raise ConfigError(
            f"{_COMPARE_RUNNING[pruner.name]} compares trials while they run, so with several at a "
            "time its decisions would depend on their speed; got search.parallel "
            f"{parallel} in {study.places.of(('search', 'parallel'))}. Set it to 1, or choose a "
            "pruner that compares with completed trials, for example pruner: "
            "{name: median}."
        )
