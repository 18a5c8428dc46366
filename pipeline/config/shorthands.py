"""``optimizer: adam`` as a shorthand of ``optimizer: {name: adam}``, for all named sections."""

from typing import Any, get_origin

from pydantic import BaseModel

from pipeline.config.known_keys import section_of
from pipeline.config.schema import Config
from pipeline.config.sections import Named


def expand(values: dict[str, Any], section: type[BaseModel] = Config) -> dict[str, Any]:
    """Return the values with every text given for a named section expanded to that section."""
    return {key: _expand(value, section, str(key)) for key, value in values.items()}


def _expand(value: Any, section: type[BaseModel], key: str) -> Any:
    inner = section_of(section, key)
    if inner is None:
        return value
    is_list = get_origin(section.model_fields[key].annotation) is tuple
    if is_list and isinstance(value, list):
        return [_expand_one(one, inner) for one in value]
    return value if is_list else _expand_one(value, inner)


def _expand_one(value: Any, section: type[BaseModel]) -> Any:
    if isinstance(value, str) and issubclass(section, Named):
        return {"name": value}
    return expand(value, section) if isinstance(value, dict) else value
