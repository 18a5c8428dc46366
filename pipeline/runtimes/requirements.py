"""Whether a configuration can be written and proven here: known before minutes go into training."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pipeline.artifacts.formats import FORMATS
from pipeline.errors import MissingExtra, MissingPackages, RequestError
from pipeline.runtimes.registry import Runtime, choose_runtime, runtimes_for

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def chosen_runtimes(config: "Config") -> list[Runtime] | None:
    """Return the runtimes that the configuration names; None for all.

    Raises:
        RequestError: there is none of a name.
    """
    names = config.verify.runtimes
    return None if names is None else [choose_runtime(name) for name in names]


def require_provable(config: "Config") -> None:
    """Demand, for each format, the package that writes it and a runtime that opens it.

    Raises:
        MissingPackages: one of them is not installed.
        RequestError: ``verify.runtimes`` names none that opens it.
    """
    for name in config.export.formats:
        needed = FORMATS[name].needs
        if needed and find_spec(needed) is None:
            raise MissingExtra(f"The format {name} of export.formats", "runtimes")
        if FORMATS[name].copy_of is None:  # a copy that cannot be proven is left out
            _require_runtime(name, chosen_runtimes(config))


def require_runnable(formats: Sequence[str], chosen: Sequence[Runtime] | None) -> None:
    """Demand that a runtime that was chosen for a verification opens something, and is installed.

    Raises:
        RequestError: none opens any of the formats.
        MissingPackages: none that does is installed.
    """
    able = {runtime.name: runtime for name in formats for runtime in runtimes_for(name)}
    asked = [r for r in able.values() if chosen is None or r in chosen]
    if not asked:
        raise RequestError(
            f"--runtime must name one that opens {' or '.join(formats)}; got "
            f"{', '.join(runtime.name for runtime in chosen or ())}. Choose from {', '.join(able)}."
        )
    if not any(runtime.installed for runtime in asked):
        names = ", ".join(runtime.name for runtime in asked)
        raise MissingPackages(f"Verifying in {names}", asked[0].package.command)


def _require_runtime(file_format: str, chosen: list[Runtime] | None) -> None:
    able = runtimes_for(file_format)
    asked = [runtime for runtime in able if chosen is None or runtime in chosen]
    if not asked:
        raise RequestError(
            f"verify.runtimes must name a runtime that opens {file_format}: one of "
            f"{', '.join(runtime.name for runtime in able)}; got none. Add one, or leave "
            f"{file_format} out of export.formats."
        )
    if not any(runtime.installed for runtime in asked):
        names = ", ".join(runtime.name for runtime in asked)
        raise MissingPackages(
            f"Proving the format {file_format} in {names}", asked[0].package.command
        )
