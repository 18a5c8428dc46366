"""Suggestions for values of the wrong type or spelling."""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from pipeline.config.known_keys import section_of
from pipeline.config.places import KeyPath, without_indices
from pipeline.config.schema import Config
from pipeline.config.target import FORMS, PAIR
from pipeline.errors import did_you_mean

_TRAINING_IMAGES = 60_000  # of MNIST, for an example in numbers
_PERCENT = 100
_FREE_TEXT = {"name", "data", "publish"}  # elsewhere, a text is a name that no number is
_SECTION = {"model_type", "model_attributes_type"}


def as_yaml(value: Any) -> str:
    """Return a value as it is written in YAML: true, null, 'text', [1, 2]."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return repr(list(value) if isinstance(value, tuple) else value)


def hint(key: KeyPath, value: Any, kinds: set[str], root: type[BaseModel] = Config) -> str:
    """Return a sentence with the value to write, or "" if the rule is enough.

    ``kinds`` are the types of pydantic's errors for this key; ``root`` is the schema of the file.
    """
    hints: dict[str, Callable[[KeyPath, Any], str]] = {
        "literal_error": partial(_near_literal, root),
        "int_type": _as_whole_number,
        "int_from_float": _as_whole_number,
        "float_type": _as_number,
        "less_than_equal": _as_fraction,
        "tuple_type": _as_list,
        "string_type": _as_text,
        "string_pattern_mismatch": _lower_case,
        "value_error": _as_target,
        **dict.fromkeys(_SECTION, partial(_as_section, root)),
    }
    found = (hints[kind](key, value) for kind in sorted(kinds) if kind in hints)
    return next(filter(None, found), "")


def _near_literal(root: type[BaseModel], key: KeyPath, value: Any) -> str:
    return did_you_mean(str(value), _literals(root, without_indices(key))).rstrip()


def _literals(root: type[BaseModel], key: KeyPath) -> list[str]:
    """Return the texts that the schema allows for a key."""
    section: Any = root
    for part in key[:-1]:
        section = section_of(section, part) or section
    waiting, found = [section.model_fields[key[-1]].annotation], []
    while waiting:
        kind = waiting.pop()
        found += [kind] if isinstance(kind, str) else []
        waiting += get_args(kind)
    return found


def _as_whole_number(key: KeyPath, value: Any) -> str:
    fraction = _fraction(value)
    if key == ("data", "validation") and 0 < fraction < 1:
        images = round(fraction * _TRAINING_IMAGES)
        return f"Write a number of images, such as {images} for {fraction:g} of MNIST's 60,000."
    if isinstance(value, float) and value.is_integer():
        return f"Write {int(value)}."
    plain = _plain(value)
    return _written(value, plain) if re.fullmatch(r"[+-]?\d+", plain) else ""


def _as_number(_key: KeyPath, value: Any) -> str:
    fraction = _fraction(value)
    if isinstance(value, str) and fraction:
        return f"Write {fraction:g}."
    plain = _plain(value)
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", plain):
        return ""
    return _written(value, plain)


def _plain(value: Any) -> str:
    """Return a text with thousands separators or a decimal comma as YAML has numbers."""
    text = value.strip().replace("_", "") if isinstance(value, str) else ""
    is_grouped = re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", text)
    text = text.replace(",", "") if is_grouped else text.replace(",", ".")
    return re.sub(r"^([+-]?)0+(?=\d)", r"\1", text)


def _written(value: str, plain: str) -> str:
    return "Write it without quotes." if plain == value else f"Write {plain}."


def _fraction(value: Any) -> float:
    if isinstance(value, float):
        return value
    text = value.strip().removesuffix("%").strip() if isinstance(value, str) else ""
    is_percent = isinstance(value, str) and value.strip().endswith("%")
    return float(text) / 100 if is_percent and re.fullmatch(r"\d+(\.\d+)?", text) else 0.0


def _as_fraction(key: KeyPath, value: Any) -> str:
    is_percent = key[-1].startswith("min_accuracy") and value <= _PERCENT
    return f"It is a fraction: write {value / _PERCENT:g}." if is_percent else ""


def _lower_case(key: KeyPath, value: Any) -> str:
    corrected = value.lower().replace("-", "_")
    return f"Write {corrected}." if key[0] == "data" and corrected != value else ""


def _as_target(key: KeyPath, value: Any) -> str:
    if key != ("data", "target"):
        return ""
    if type(value) is int and value >= 0:
        return f"Write {{is: {value}}}."
    if isinstance(value, list) and len(value) == PAIR:
        return f"Write {{pair: [{value[0]}, {value[1]}]}}."
    if not isinstance(value, dict) or not value:
        return ""
    if len(value) > 1:
        return "Keep one of the two." if value.keys() <= FORMS.keys() else ""
    [form] = value
    return did_you_mean(str(form), FORMS).rstrip() if form not in FORMS else ""


def _as_list(_key: KeyPath, value: Any) -> str:
    if isinstance(value, dict) or value is None:
        return "Write [] for an empty list." if value is None else "Put it in brackets: [ ]."
    return f"Write [{', '.join(str(value).replace(',', ' ').split())}]."


def _as_text(key: KeyPath, value: Any) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return f"Write '{value}'." if is_number and key[0] in _FREE_TEXT else ""


def _as_section(root: type[BaseModel], key: KeyPath, value: Any) -> str:
    if isinstance(value, str) and re.match(r"\w+:\S", value):
        return f"Put a space after the colon: {value.replace(':', ': ', 1)}"
    section = root
    for part in without_indices(key):
        section = section_of(section, part) or section
    for name, field in section.model_fields.items():
        if field.default is not None and field.default is not PydanticUndefined:
            return f"Write, for example, {key[-1]}: {{{name}: {as_yaml(field.default)}}}."
    return ""
