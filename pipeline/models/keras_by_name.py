"""Objects of Keras chosen by name: find the class, check the arguments, suggest near names."""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipeline.errors import ConfigError, did_you_mean, sentence

PlaceOf = Callable[[str], str]  # key -> the place where it was set, such as Config.place_of


def unknown_place(_key: str) -> str:
    """Return the place for messages when the places of a configuration are not available."""
    return "the configuration"


def choose(
    name: str,
    known: Mapping[str, type],
    key: str,
    *,
    kind: str,
    place_of: PlaceOf = unknown_place,
) -> type:
    """Return the class of that name; ``kind`` is its kind for messages, such as optimizer.

    Raises:
        ConfigError: there is none.
    """
    if name in known:
        return known[name]
    raise ConfigError(f"Unknown {kind} {name!r} ({key} in {place_of(key)}). {hint(name, known)}")


def create(
    kind: type,
    arguments: Mapping[str, Any],
    key: str,
    *,
    implied: Mapping[str, Any],
    place_of: PlaceOf = unknown_place,
) -> Any:
    """Call a Keras class with arguments by name, each checked against its signature.

    ``implied`` are arguments that follow from other keys of the configuration; they are passed
    only if the class has them, and ``arguments`` override them.

    Raises:
        ConfigError: the class has no such argument, or does not accept its value.
    """
    parameters = parameters_of(kind)
    for name, value in arguments.items():
        place = place_of(f"{key}.{name}")
        if name not in parameters:
            raise ConfigError(
                f"{kind.__name__} has no argument {name!r} ({key}.{name} in {place}). "
                f"{hint(name, set(parameters) - {'name'})}"
            )
        _check_type(value, parameters[name].default, f"{key}.{name}", place)
    given = {name: value for name, value in implied.items() if name in parameters}
    for name, value in arguments.items():
        given[name] = float(value) if _is_whole_float(value, parameters[name].default) else value
    if missing := [name for name in _required(parameters) if name not in given]:
        raise ConfigError(_missing(kind, arguments, missing, f"{key} in {place_of(key)}"))
    try:
        return kind(**given)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{kind.__name__} does not accept {as_yaml(arguments)} ({key} in {place_of(key)}): "
            f"{sentence(error)}"
        ) from error


def as_yaml(arguments: Mapping[str, Any]) -> str:
    """Return arguments as YAML, for messages: {name: sgd, nesterov: true}."""
    texts = {name: str(value) for name, value in arguments.items()}
    texts |= {n: json.dumps(v) for n, v in arguments.items() if v is None or isinstance(v, bool)}
    return f"{{{', '.join(f'{name}: {text}' for name, text in texts.items())}}}"


def snake_case(name: str) -> str:
    """Return CosineDecayRestarts as cosine_decay_restarts, CSVLogger as csv_logger."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def parameters_of(kind: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class that can be passed by name."""
    variable = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    found = inspect.signature(kind).parameters
    return {name: value for name, value in found.items() if value.kind not in variable}


def hint(name: str, known: Iterable[str]) -> str:
    """Return the nearest known name and all of them, as sentences."""
    known = sorted(known)
    return f"{did_you_mean(name, known)}Choose from {', '.join(known)}."


def _required(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    empty = inspect.Parameter.empty
    return [name for name, parameter in parameters.items() if parameter.default is empty]


def _missing(kind: type, arguments: Mapping[str, Any], missing: list[str], place: str) -> str:
    needs = f"{kind.__name__} requires {' and '.join(missing)} ({place})."
    if not kind.__module__.startswith("keras."):
        return f"{needs} Add {'it' if len(missing) == 1 else 'them'}."
    placeholders = dict.fromkeys(missing, "VALUE")
    given = {"name": snake_case(kind.__name__), **arguments, **placeholders}
    return f"{needs} Write {as_yaml(given)}."


def _is_whole_float(value: Any, default: Any) -> bool:
    """Keras rejects ``momentum: 0``, the usual way to write it in YAML."""
    return isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)


def _check_type(value: Any, default: Any, key: str, place: str) -> None:
    """Check a value against the type of the default: Keras has no annotations."""
    advice = ""
    if isinstance(default, bool):
        fits, expected = isinstance(value, bool), "true or false"
        words = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false"}
        advice = words.get(str(value).lower(), "false" if value == 0 else "")
    elif isinstance(default, int | float):
        fits = (isinstance(value, int | float) and not isinstance(value, bool)) or value is None
        expected = "a number"
    else:
        return
    if not fits:
        raise ConfigError(
            f"{key} must be {expected}; got {value!r} in {place}. "
            f"{f'Write {advice}' if advice else f'The default is {json.dumps(default)}'}."
        )
