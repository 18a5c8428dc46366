"""Check before training that all formats of a configuration can be exported and verified."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pipeline.artifacts.formats import FORMATS
from pipeline.config.key_errors import InvalidValue
from pipeline.errors import MissingExtra, MissingPackages, RequestError
from pipeline.runtimes.registry import Runtime, all_runtimes, runtimes_for, suggest_runtime

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def chosen_runtimes(config: "Config") -> list[Runtime] | None:
    """Return the runtimes that the configuration names; None means all.

    Raises:
        ConfigError: a runtime is unknown; ``with_places`` adds where it was set.
    """
    known, names = all_runtimes(), config.verify.runtimes
    for name in names or ():
        if name not in known:
            problem = f"Unknown runtime {name!r}"
            raise InvalidValue("verify.runtimes", problem, suggest_runtime(name))
    return None if names is None else [known[name] for name in names]


def require_verifiable(config: "Config") -> None:
    """Check that each format has an installed exporter and runtime, and all named runtimes.

    Raises:
        MissingPackages: a package is not installed.
        RequestError: no runtime of ``verify.runtimes`` opens a format.
    """
    for runtime in chosen_runtimes(config) or ():
        if not runtime.installed:
            place = config.place_of("verify.runtimes")
            raise MissingPackages(
                f"Verification in {runtime.name} (verify.runtimes in {place})",
                runtime.package.command,
            )
    for name in config.export.formats:
        needed = FORMATS[name].needs
        if needed and find_spec(needed) is None:
            raise MissingExtra(f"The format {name} of export.formats", "runtimes")
        if FORMATS[name].copy_of is None:  # copies that cannot be verified are left out
            _require_runtime(name, chosen_runtimes(config), config)


def require_runnable(formats: Sequence[str], chosen: Sequence[Runtime] | None) -> None:
    """Check that at least one chosen runtime opens one of the formats and is installed.

    Raises:
        RequestError: no chosen runtime opens any of the formats.
        MissingPackages: none of those that do is installed.
    """
    able = {runtime.name: runtime for name in formats for runtime in runtimes_for(name)}
    usable = [r for r in able.values() if chosen is None or r in chosen]
    if not usable:
        raise RequestError(
            f"--runtime must include a runtime that opens {' or '.join(formats)}; got "
            f"{', '.join(runtime.name for runtime in chosen or ())}. Choose from {', '.join(able)}."
        )
    if not any(runtime.installed for runtime in usable):
        names = ", ".join(runtime.name for runtime in usable)
        raise MissingPackages(f"Verification in {names}", usable[0].package.command)


def _require_runtime(file_format: str, chosen: list[Runtime] | None, config: "Config") -> None:
    able = runtimes_for(file_format)
    usable = [runtime for runtime in able if chosen is None or runtime in chosen]
    if not usable:
        raise RequestError(
            f"verify.runtimes must include a runtime that opens {file_format}; got "
            f"{', '.join(runtime.name for runtime in chosen or ()) or 'none'} in "
            f"{config.place_of('verify.runtimes')}. Add one of "
            f"{', '.join(runtime.name for runtime in able)}, or remove {file_format} from "
            "export.formats."
        )
    if not any(runtime.installed for runtime in usable):
        names = ", ".join(runtime.name for runtime in usable)
        raise MissingPackages(
            f"Verification of the format {file_format} in {names}", usable[0].package.command
        )
