"""YAML and ``KEY=VALUE`` overrides -> Config, with errors that name key, file and line."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml.nodes import MappingNode

from pipeline.config.error_messages import explain
from pipeline.config.schema import Config
from pipeline.config.yaml_text import load_yaml
from pipeline.errors import ConfigError

Places = dict[tuple[str, ...], str]  # key path -> "configs/mlp.yaml, line 7"
_REPLACED_WHOLE = {"optimizer", "schedule", "early_stopping"}  # their keys depend on each other


def read(path: Path, overrides: Iterable[str] = ()) -> Config:
    """Read a configuration file and apply ``KEY=VALUE`` overrides to it.

    Raises:
        ConfigError: the file or an override is not what the schema allows.
    """
    values, places = _read_yaml(path)
    for override in overrides:
        _apply(override, values, places)
    return validate(values, places, str(path))


def validate(values: dict[str, Any], places: Places, source: str) -> Config:
    """Check plain values against the schema, in its strict mode.

    Raises:
        ConfigError: one paragraph for each key that is wrong.
    """
    try:
        # By way of JSON: there, strict still takes lists for tuples.
        return Config.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise ConfigError(explain(error, places, source)) from error


def _read_yaml(path: Path) -> tuple[dict[str, Any], Places]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"The configuration must be a YAML file that can be read; got {path}: {reason}. "
            "Name a file such as configs/mlp.yaml."
        ) from error
    node, values = load_yaml(text, str(path))
    if not isinstance(node, MappingNode):
        raise ConfigError(
            f"The configuration must be a YAML mapping of sections; got {type(values).__name__} "
            f"in {path}. See configs/mlp.yaml for one that works."
        )
    places: Places = {}
    _note_places(node, (), str(path), places)
    return values, places


def _note_places(node: MappingNode, path: tuple[str, ...], source: str, places: Places) -> None:
    for key, value in node.value:
        key_path = (*path, str(key.value))
        places[key_path] = f"{source}, line {key.start_mark.line + 1}"
        if isinstance(value, MappingNode):
            _note_places(value, key_path, source, places)


def _apply(override: str, values: dict[str, Any], places: Places) -> None:
    key, separator, text = override.partition("=")
    path = tuple(key.strip().split("."))
    place = f"the override {override!r}"
    if not separator or not all(path):
        raise ConfigError(
            f"An override must be KEY=VALUE; got {override!r}. "
            "Write for example train.batch_size=32."
        )
    value = load_yaml(text, place)[1]
    section = values
    for part in path[:-1]:
        if not isinstance(section.get(part), dict):
            section[part] = {}
        section = section[part]
    old = section.get(path[-1])
    if isinstance(old, dict) and isinstance(value, dict) and path[-1] not in _REPLACED_WHOLE:
        value = {**old, **value}
    section[path[-1]] = value
    for known in [known for known in places if known[: len(path)] == path]:
        places[known] = place
    places[path] = place
