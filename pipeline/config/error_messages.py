"""A pydantic error -> one sentence a key: what was received and where, what was expected."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from pipeline.config.schema import Config
from pipeline.errors import did_you_mean


def explain(error: ValidationError, places: dict[tuple[str, ...], str], source: str) -> str:
    """Return one sentence for each wrong key, in the order of the schema."""
    by_key: dict[tuple[str, ...], list[Any]] = {}
    for problem in error.errors():
        by_key.setdefault(_key_path(problem["loc"]), []).append(problem)
    sentences = [_sentence(key, problems, places, source) for key, problems in by_key.items()]
    return "\n".join(sentences)


def _key_path(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Drop what pydantic adds to the keys: branches of unions, indices in lists of values."""
    path: list[str] = []
    section: type[BaseModel] | None = Config
    for part in location:
        if section is None:
            break
        if isinstance(part, int):  # in a list of sections
            path[-1] += f"[{part}]"
            continue
        path.append(part)
        section = section_of(section, part)
    return tuple(path)


def section_of(section: type[BaseModel], key: str) -> type[BaseModel] | None:
    """Return the schema of a section's key where the key is a section itself."""
    field = section.model_fields.get(key)
    if field is None:
        return None
    candidates = [field.annotation, *get_args(field.annotation)]
    found = [kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return found[0] if found else None


def _sentence(
    key: tuple[str, ...],
    problems: list[Any],
    places: dict[tuple[str, ...], str],
    source: str,
) -> str:
    name = ".".join(key) or "The configuration"
    place = _place(tuple(part.split("[")[0] for part in key), places, source)
    kinds = {problem["type"] for problem in problems}
    if "extra_forbidden" in kinds:
        return f"{name} must be a known key; got {key[-1]!r} in {place}. {_nearest(key)}"
    if "missing" in kinds:
        return f"{name} must be given; it is missing in {place}. Add it."
    told = [problem for problem in problems if problem["type"] != "too_short"] or problems
    rules = " or ".join(dict.fromkeys(_rule(problem) for problem in told))
    value = told[0]["input"]
    return f"{name} must be {rules}; got {value!r} in {place}. Change the value."


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
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "a list of at least {min_length}",
    "string_too_long": "text of at most {max_length} characters",
    "value_error": "{error}",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "text that matches {pattern}",
}


def _rule(problem: Any) -> str:
    rule = _RULES.get(problem["type"])
    return rule.format(**problem.get("ctx", {})) if rule else str(problem["msg"])


def _place(key: tuple[str, ...], places: dict[tuple[str, ...], str], source: str) -> str:
    prefixes = [key[:length] for length in range(len(key), 0, -1)]
    inside = [known for known in places if known[: len(key)] == key]
    return next((places[known] for known in [*prefixes, *inside] if known in places), source)


def _nearest(key: tuple[str, ...]) -> str:
    section: type[BaseModel] = Config
    for part in key[:-1]:
        section = section_of(section, part) or section
    known = list(section.model_fields)
    return f"{did_you_mean(key[-1], known)}Known keys here: {', '.join(known)}."
