"""Pydantic errors -> one sentence per key: what was received and where, what was expected."""

from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.config import aliases
from pipeline.config.known_keys import advice, section_of
from pipeline.config.places import KeyPath, Places, without_indices
from pipeline.config.schema import PATTERN_RULES, Config
from pipeline.config.tracking_uri import hide_credentials
from pipeline.config.value_hints import as_yaml, hint


def sentences(
    error: ValidationError, places: Places, root: type[BaseModel] = Config
) -> dict[KeyPath, str]:
    """Return one sentence for each wrong key, in the order of the schema, unknown keys last.

    ``root`` is the schema of the file.
    """
    by_key: dict[KeyPath, list[Any]] = {}
    for problem in error.errors():
        if problem["type"] == "too_short" and problem["input"]:
            continue  # it counts valid elements only, and the others have errors of their own
        if problem["type"] == "default_factory_not_called":
            continue  # it needs another key, which has an error of its own
        by_key.setdefault(_key_path(problem["loc"], root), []).append(problem)
    return {key: _sentence(key, problems, places, root) for key, problems in by_key.items()}


def explain_names_of_other_tools(values: dict[str, Any], places: Places) -> dict[KeyPath, str]:
    """Return a message for each name of another tool; the schema does not reject all of them."""
    found = {
        path: [_unknown_key(path, places, Config)]
        for path in aliases.unsupported_optimizer_keys(values)
    }
    for path, value, what_to_write in aliases.values_of_other_tools(values):
        unknown = f"Unknown value {as_yaml(value)} for {'.'.join(path)} in {_place(path, places)}."
        found.setdefault(path, []).append(f"{unknown} {what_to_write}")
    return {path: "\n".join(texts) for path, texts in found.items()}


def _key_path(location: tuple[int | str, ...], root: type[BaseModel]) -> KeyPath:
    """Return the key, with the index of a list's element, without pydantic's union branches."""
    path: list[str] = []
    section: type[BaseModel] | None = root
    for part in location:
        if section is None:
            path[-1] += f"[{part}]" if isinstance(part, int) else ""
            break
        if isinstance(part, int):  # an element of a list of sections
            path[-1] += f"[{part}]"
            continue
        path.append(part)
        section = section_of(section, part)
    return tuple(path)


def _sentence(key: KeyPath, problems: list[Any], places: Places, root: type[BaseModel]) -> str:
    name = ".".join(key)
    kinds = {problem["type"] for problem in problems}
    if "extra_forbidden" in kinds:
        return _unknown_key(key, places, root)
    if "missing" in kinds:
        return f"Missing key {name!r} in {_place(key, places)}. {_missing(key)}"
    if not name:
        return f"Keys and values must be valid Unicode text: {problems[0]['msg']}."
    rules = " or ".join(dict.fromkeys(_rule(problem) for problem in problems))
    value = problems[0]["input"]
    text = f"{name} must be {rules}; got {as_yaml(value)} in {_place(key, places)}."
    return hide_credentials(f"{text} {hint(key, value, kinds, root)}".rstrip())


def _unknown_key(path: KeyPath, places: Places, root: type[BaseModel]) -> str:
    return f"Unknown key {'.'.join(path)!r} in {_place(path, places)}. {advice(path, root)}"


def _missing(key: KeyPath) -> str:
    examples = {"schedule": "cosine", "callbacks": "csv_logger", "track": "local"}
    section = without_indices(key)[-2] if key[1:] else ""
    return f"Add it, for example {key[-1]}: {examples.get(section, 'mlp')}."


_URL = "an address that begins with http:// or https://"
_RULES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a section (KEY: VALUE lines)",
    "model_attributes_type": "a section (KEY: VALUE lines)",
    "finite_number": "a finite number",
    "greater_than_equal": "at least {ge}",
    "greater_than": "greater than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "a list with at least {min_length} value",
    "string_too_long": "text of at most {max_length} characters",
    "value_error": "{error}",
    "literal_error": "{expected}",
    "url_parsing": _URL,
    "url_scheme": _URL,
}


def _rule(problem: Any) -> str:
    if problem["type"] == "string_pattern_mismatch":
        return PATTERN_RULES[problem["ctx"]["pattern"]]
    rule = _RULES.get(problem["type"])
    return rule.format(**_limits(problem.get("ctx", {}))) if rule else str(problem["msg"])


def _limits(context: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a rule with 1.0 as 1."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in context.items()
    }


def _place(key: KeyPath, places: Places) -> str:
    return places.of(without_indices(key))
