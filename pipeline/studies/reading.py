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
from pipeline.studies.axes import Axis, Values, single_values
from pipeline.studies.axes_reading import read_axes
from pipeline.studies.checks import THREADS, check_settings, check_target
from pipeline.studies.schema import ONE_AT_A_TIME, StudySchema
from pipeline.tasks.registry import task_of


@dataclass(frozen=True)
class Study:
    """A study: its file and settings, the configuration it varies, and the axes."""

    file: Path
    settings: StudySchema
    base: Path
    axes: tuple[Axis, ...]
    places: Places

    @property
    def varies_one_at_a_time(self) -> bool:
        """Whether each trial differs from the first one in a single axis."""
        return self.settings.search.name == ONE_AT_A_TIME

    @property
    def tuned(self) -> tuple[str, ...]:
        """The keys that are chosen anew for each combination of the others."""
        return () if self.varies_one_at_a_time else self.settings.tuned

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

    def _overrides(self, values: Values) -> list[Override]:
        """Return the values in the order in which they apply.

        A section comes before its keys, because it replaces them: ``optimizer`` before
        ``optimizer.learning_rate``, in whatever order the file has them.
        """
        given = [
            Override(key, value, self.places.of((section, key)))
            for section, settings in (("overrides", self.settings.overrides), ("axes", values))
            for key, value in settings.items()
        ]
        given.append(Override(THREADS, self.settings.threads, self.places.of(("threads",))))
        return sorted(given, key=lambda override: override.key.count("."))


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
    axes = read_axes(settings.axes, places)
    check_settings(settings, axes, places)
    study = Study(file, settings, base, axes, places)
    deque(study.checked_configs(), maxlen=0)
    if settings.target is not None:
        score = task_of(study.config_of({})).quality
        check_target(settings.target, score, places.of(("target",)))
    return study
