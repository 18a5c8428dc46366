"""Objects of Keras chosen by name: find the class, check the arguments, say what is near."""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.errors import ConfigError, did_you_mean


def choose(name: str, known: Mapping[str, type], key: str) -> type:
    """Return the class of that name.

    Raises:
        ConfigError: there is none.
    """
    if name in known:
        return known[name]
    raise ConfigError(f"{key} must be a name that Keras knows; got {name!r}. {hint(name, known)}")


def create(
    kind: type, arguments: Mapping[str, Any], key: str, *, implied: Mapping[str, Any]
) -> Any:
    """Call a Keras class with arguments by name, each checked against its signature.

    ``implied`` are arguments that other keys of the configuration give; the class need not have
    them, and ``arguments`` go before them.

    Raises:
        ConfigError: the class has no such argument, or does not take its value.
    """
    parameters = parameters_of(kind)
    for argument, value in arguments.items():
        if argument not in parameters:
            raise ConfigError(
                f"{key}.{argument} must be an argument of {kind.__name__}; got {argument!r}. "
                f"{hint(argument, set(parameters) - {'name'})}"
            )
        _check_type(value, parameters[argument].default, f"{key}.{argument}", kind)
    arguments = {
        name: float(value) if _is_whole_float(value, parameters[name].default) else value
        for name, value in arguments.items()
    }
    implied = {name: value for name, value in implied.items() if name in parameters}
    given = {**implied, **arguments}
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is inspect.Parameter.empty and name not in given
    ]
    if missing:
        raise ConfigError(
            f"{key} must have all arguments that {kind.__name__} requires; "
            f"got none for {', '.join(missing)}. Add {'it' if len(missing) == 1 else 'them'}."
        )
    try:
        return kind(**given)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{key} must be what {kind.__name__} accepts; got {dict(arguments)!r}: {error} "
            "Change the value."
        ) from error


def snake_case(name: str) -> str:
    """Return CosineDecayRestarts as cosine_decay_restarts, CSVLogger as csv_logger."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def parameters_of(kind: type) -> dict[str, inspect.Parameter]:
    """Return the arguments by name that a class takes."""
    variable = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    found = inspect.signature(kind).parameters
    return {name: value for name, value in found.items() if value.kind not in variable}


def hint(name: str, known: Iterable[str]) -> str:
    """Return the nearest known name and all of them, as sentences."""
    known = sorted(known)
    return f"{did_you_mean(name, known)}Known: {', '.join(known)}."


def _is_whole_float(value: Any, default: Any) -> bool:
    """Keras refuses ``momentum: 0``; YAML writes it so."""
    return isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)


def _check_type(value: Any, default: Any, key: str, kind: type) -> None:
    """The defaults tell the types: Keras annotates none."""
    if isinstance(default, bool):
        fits, expected = isinstance(value, bool), "true or false"
    elif isinstance(default, int | float):
        fits = (isinstance(value, int | float) and not isinstance(value, bool)) or value is None
        expected = "a number"
    else:
        return
    if not fits:
        raise ConfigError(
            f"{key} must be {expected} ({kind.__name__}'s default is {default!r}); "
            f"got {value!r}. Change the value."
        )
