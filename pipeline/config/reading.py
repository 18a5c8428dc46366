"""YAML and ``KEY=VALUE`` overrides -> Config, with errors that name key, file and line."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.config.explaining import explain
from pipeline.config.schema import Config
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
        return Config.model_validate_json(_as_json(values, source))
    except ValidationError as error:
        raise ConfigError(explain(error, places, source)) from error


def _as_json(values: dict[str, Any], source: str) -> str:
    try:
        return json.dumps(values)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"The configuration must not contain itself and have text as keys; got {error} in "
            f"{source}. Write every section out."
        ) from error


class _Loader(yaml.SafeLoader):
    """YAML 1.2's scalars: 1e-3 is a number; 010, 1:30, yes and 2024-01-01 are text."""


_SCALARS = {  # YAML 1.2.2, section 10.3.2 (core schema), without octal and hexadecimal numbers
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (
        r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?|[-+]?\d+[eE][-+]?\d+|[-+]?\.(inf|Inf)|\.(nan|NaN)",
        list("-+0123456789."),
    ),
}
_Loader.yaml_implicit_resolvers = {}  # those of YAML 1.1 go
for _tag, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_pattern})$"), _first
    )


def _read_yaml(path: Path) -> tuple[dict[str, Any], Places]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"The configuration must be a YAML file that can be read; got {path}: {reason}. "
            "Name a file such as configs/mlp.yaml."
        ) from error
    node, values = _parse(text, str(path))
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(
            f"The configuration must be a YAML mapping of sections; got {type(values).__name__} "
            f"in {path}. See configs/mlp.yaml for one that works."
        )
    places: Places = {}
    _note_places(node, (), str(path), places)
    return values, places


def _parse(text: str, source: str) -> tuple[yaml.Node | None, Any]:
    try:
        node = yaml.compose(text, Loader=_Loader)
        return node, yaml.load(text, Loader=_Loader)  # noqa: S506  (a subclass of SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise ConfigError(
            f"The configuration must be valid YAML; got {problem} in {source}{line}. "
            "Mend the line and try again."
        ) from error


def _note_places(
    node: yaml.MappingNode, path: tuple[str, ...], source: str, places: Places
) -> None:
    for key, value in node.value:
        key_path = (*path, str(key.value))
        place = f"{source}, line {key.start_mark.line + 1}"
        if key_path in places:
            raise ConfigError(
                f"The key {'.'.join(key_path)} must stand only once; got it again in {place} "
                f"after {places[key_path]}. Remove one of the two."
            )
        places[key_path] = place
        if isinstance(value, yaml.MappingNode):
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
    value = _parse(text, place)[1]
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
