"""YAML and ``KEY=VALUE`` overrides -> Config, with errors that name key, file and line."""

import json
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.config.error_messages import explain_names_of_other_tools, sentences
from pipeline.config.finding import find_config, is_config
from pipeline.config.known_keys import exact_keys
from pipeline.config.origin import Origin, changed_keys
from pipeline.config.places import KeyPath, Places
from pipeline.config.schema import Config
from pipeline.config.shorthands import expand
from pipeline.config.yaml_file import read_mapping
from pipeline.config.yaml_text import load_yaml, value_text
from pipeline.errors import ConfigError

# Their keys depend on each other.
_REPLACED_WHOLE = {"optimizer", "schedule", "early_stopping", "target"}


@dataclass(frozen=True)
class Override:
    """A new value of a key, where it was set, for messages, and how, if as ``KEY=VALUE``."""

    key: str
    value: Any
    place: str
    written: str | None = None

    @property
    def text(self) -> str:
        """The override as it is written on the command line."""
        return self.written or f"{self.key}={value_text(self.value)}"


def read(path: Path, overrides: Iterable[str | Override] = ()) -> Config:
    """Read a configuration file, or ``configs/NAME.yaml``, and apply overrides.

    Raises:
        ConfigError: the file or an override does not fit the schema.
    """
    file = find_config(path)
    given = [parse_override(one) if isinstance(one, str) else one for one in overrides]
    values, places = read_mapping(
        file, Config, kind="configuration", example="configs/mlp.yaml for an example"
    )
    without_overrides = deepcopy(values)
    for override in given:
        apply_override(override, values, places)
    config = validate(values, places)
    changes = _changes(without_overrides, values, config) if given else {}
    return config.with_origin(Origin(str(file), tuple(one.text for one in given), changes))


def validate(values: dict[str, Any], places: Places) -> Config:
    """Check plain values against the schema, in its strict mode.

    Raises:
        ConfigError: one paragraph for each key that is wrong.
    """
    wrong: dict[KeyPath, str] = {}
    try:
        # JSON, because strict validation of Python values does not take lists for tuples.
        config = Config.model_validate_json(json.dumps(values))
    except ValidationError as error:
        wrong = sentences(error, places)
    # These sentences replace pydantic's on the same keys.
    wrong |= explain_names_of_other_tools(values, places)
    if wrong:
        raise ConfigError("\n".join(wrong.values()))
    return config.with_places(places)


def _changes(before: dict[str, Any], after: dict[str, Any], config: Config) -> dict[str, Any]:
    """Return the keys that the overrides changed, including those that have a default."""
    try:
        alone = Config.model_validate_json(json.dumps(before))
    except ValidationError:  # the overrides complete or correct the file
        return changed_keys(before, after)
    return changed_keys(alone.model_dump(mode="json"), config.model_dump(mode="json"))


def parse_override(text: str) -> Override:
    """Parse ``KEY=VALUE``.

    Raises:
        ConfigError: it is not one, or its value is not valid YAML.
    """
    key, separator, value = text.partition("=")
    key = key.strip()
    if not separator or not all(key.split(".")):
        raise ConfigError(f"An override must be KEY=VALUE; got {text!r}. {_suggestion(text)}")
    if not value.strip():
        raise ConfigError(
            f"The override {text!r} has no value. Write {key}=VALUE, without spaces around =, or "
            f"{key}=null for none."
        )
    place = f"the override {text!r}"
    return Override(key, load_yaml(value, place)[1], place, text)


def apply_override(override: Override, values: dict[str, Any], places: Places) -> None:
    """Set the value of a key in the values of a configuration, and its place."""
    path, place = tuple(override.key.split(".")), override.place
    value = _expanded(path, override.value)
    section = values
    for depth, part in enumerate(path[:-1], start=1):
        if not isinstance(section.get(part), dict):
            section[part] = {}
            places.override(path[:depth], place)
        section = section[part]
    old = section.get(path[-1])
    if isinstance(old, dict) and isinstance(value, dict) and path[-1] not in _REPLACED_WHOLE:
        value = {**old, **value}
    section[path[-1]] = value
    places.override(path, place)


def _expanded(path: KeyPath, value: Any) -> Any:
    """Expand shorthands in the value of one key."""
    for part in reversed(path):
        value = {part: value}
    value = expand(value)
    for part in path:
        value = value[part]
    return value


def _suggestion(override: str) -> str:
    if is_config(override):
        return "Specify only one configuration file, before the overrides."
    keys = exact_keys(override.lstrip("-")) if override.strip("= ") else []
    example = f"{keys[0]}=VALUE" if keys else "for example train.batch_size=32"
    return f"Write {example}, without spaces around =; quote values that contain spaces."
