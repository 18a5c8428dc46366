"""A YAML file with one mapping -> plain values, and the line of each key."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml.nodes import MappingNode

from pipeline.config.places import KeyPath, Places
from pipeline.config.shorthands import expand
from pipeline.config.yaml_text import load_yaml
from pipeline.errors import ConfigError

_KINDS: dict[type, str] = {list: "contains a list", str: "contains text"}


def read_mapping(
    path: Path, schema: type[BaseModel], *, kind: str, example: str
) -> tuple[dict[str, Any], Places]:
    """Return the values of a file with shorthands of its schema expanded, and their places.

    ``kind`` is what the file should be, and ``example`` such a file, for messages.

    Raises:
        ConfigError: the file cannot be read, or is not a YAML mapping.
    """
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
        is_key = isinstance(values, str) and key in schema.model_fields and key != values
        advice = f"Put a space after the colon: {key}: VALUE" if is_key else f"See {example}."
        raise ConfigError(
            f"{path} {found}; a {kind} must be a YAML mapping (KEY: VALUE lines). {advice}"
        )
    places = Places(str(path))
    _note_lines(node, (), places)
    return expand(values, schema), places


def _note_lines(node: MappingNode, path: KeyPath, places: Places) -> None:
    for key, value in node.value:
        key_path = (*path, str(key.value))
        places.at_line(key_path, key.start_mark.line + 1)
        if isinstance(value, MappingNode):
            _note_lines(value, key_path, places)
