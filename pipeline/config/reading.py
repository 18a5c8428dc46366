"""YAML and ``KEY=VALUE`` overrides -> Config, with errors that name key, file and line."""

import json
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml.nodes import MappingNode

from pipeline.config.error_messages import explain_names_of_other_tools, sentences
from pipeline.config.finding import find_config, is_config
from pipeline.config.known_keys import exact_keys
from pipeline.config.origin import Origin, changed_keys
from pipeline.config.places import KeyPath, Places
from pipeline.config.schema import Config
from pipeline.config.shorthands import expand
from pipeline.config.yaml_text import load_yaml
from pipeline.errors import ConfigError

# Their keys depend on each other.
_REPLACED_WHOLE = {"optimizer", "schedule", "early_stopping", "target"}


def read(path: Path, overrides: Iterable[str] = ()) -> Config:
    """Read a configuration file, or ``configs/NAME.yaml``, and apply ``KEY=VALUE`` overrides.

    Raises:
        ConfigError: the file or an override does not fit the schema.
    """
    file, given = find_config(path), tuple(overrides)
    values, places = _read_yaml(file)
    without_overrides = deepcopy(values)
    for override in given:
        _apply(override, values, places)
    config = validate(values, places)
    changes = _changes(without_overrides, values, config) if given else {}
    return config.with_origin(Origin(str(file), given, changes))


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


def _read_yaml(path: Path) -> tuple[dict[str, Any], Places]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors may begin it with a BOM
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}.") from error
    node, values = load_yaml(text, str(path))
    if not isinstance(node, MappingNode):
        found = "is empty" if node is None else _KINDS.get(type(values), "contains a single value")
        key = str(values).partition(":")[0]
        is_key = isinstance(values, str) and key in Config.model_fields and key != values
        advice = f"Put a space after the colon: {key}: VALUE" if is_key else _SEE_EXAMPLE
        raise ConfigError(
            f"{path} {found}; a configuration must be a YAML mapping (KEY: VALUE lines). {advice}"
        )
    places = Places(str(path))
    _note_lines(node, (), places)
    return expand(values), places


_KINDS: dict[type, str] = {list: "contains a list", str: "contains text"}
_SEE_EXAMPLE = "See configs/mlp.yaml for an example."


def _note_lines(node: MappingNode, path: KeyPath, places: Places) -> None:
    for key, value in node.value:
        key_path = (*path, str(key.value))
        places.at_line(key_path, key.start_mark.line + 1)
        if isinstance(value, MappingNode):
            _note_lines(value, key_path, places)


def _apply(override: str, values: dict[str, Any], places: Places) -> None:
    key, separator, text = override.partition("=")
    path = tuple(key.strip().split("."))
    place = f"the override {override!r}"
    if not separator or not all(path):
        raise ConfigError(
            f"An override must be KEY=VALUE; got {override!r}. {_suggestion(override)}"
        )
    if not text.strip():
        raise ConfigError(
            f"The override {override!r} has no value. Write {key.strip()}=VALUE, without spaces "
            f"around =, or {key.strip()}=null for none."
        )
    value = _expanded(path, load_yaml(text, place)[1])
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
