"""Errors about options whose value must be a number, in the form of all other errors."""

from typing import Any

import typer

from pipeline.errors import RequestError

_KINDS: dict[Any, str] = {int: "an integer", float: "a number"}


def invalid_number(error: typer.BadParameter) -> RequestError | None:
    """Return the error for the value of an option, or None if it is about something else."""
    option: Any = getattr(error, "param", None)
    received = getattr(error.__cause__, "errors", None)  # pydantic's, which typer parses with
    descriptor: Any = getattr(option, "type_descriptor", None)  # not in older versions of typer
    kind = _KINDS.get(getattr(descriptor, "annotation", None))
    if kind is None or received is None:
        return None
    name, value = option.opts[0], received()[0]["input"]
    default = "" if option.default is None else f" to use the default, {option.default}"
    omit = "" if option.required else f", or omit {name}{default}"
    return RequestError(
        f"{name} must be {kind}{_range(descriptor.parameter_info)}; got {value!r}. Specify such a "
        f"number{omit}."
    )


def _range(info: Any) -> str:
    if info.min is not None and info.max is not None:
        return f" from {info.min} to {info.max}"
    return f" of at least {info.min}" if info.min is not None else ""
