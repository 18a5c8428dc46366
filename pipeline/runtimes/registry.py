"""The registry of runtimes: list them, check whether they are installed, open files in them."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from pipeline.errors import (
    MissingPackages,
    ModelError,
    PipelineError,
    RequestError,
    did_you_mean,
    sentence,
)
from pipeline.runtimes.allowed.check import require_allowed
from pipeline.runtimes.packages import Package
from pipeline.runtimes.predictor import Predictor


@dataclass(frozen=True)
class Runtime:
    """A runtime that opens files of some formats.

    ``package`` must be installed; ``setting`` is an option of it that predictions depend on;
    ``encoded_inputs`` are further signatures that its files must have; ``reserved_bytes`` is memory
    that it reserves and does not use, which the limit of a worker must include.
    ``unneeded_modules`` are imported by the package, and take long, but are of no use to the
    runtime.
    """

    name: str
    formats: tuple[str, ...]
    package: Package
    open: Callable[[Path], Predictor]
    setting: str = ""
    encoded_inputs: tuple[str, ...] = ()
    reserved_bytes: int = 0
    unneeded_modules: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        """Whether the package can be found, without importing it."""
        return self.package.version is not None


@cache
def all_runtimes() -> dict[str, Runtime]:
    """Return all runtimes by name: one for each module of this folder with a ``RUNTIME``."""
    modules = (
        import_module(f"{__package__}.{info.name}")
        for info in pkgutil.iter_modules([str(Path(__file__).parent)])
    )
    declared = (getattr(module, "RUNTIME", None) for module in modules)
    return {runtime.name: runtime for runtime in declared if isinstance(runtime, Runtime)}


def runtimes_for(file_format: str) -> list[Runtime]:
    """Return the runtimes that open a format."""
    return [runtime for runtime in all_runtimes().values() if file_format in runtime.formats]


def runtime_versions() -> dict[str, str]:
    """Return the package version of each runtime, or ``not installed``."""
    return {name: item.package.version or "not installed" for name, item in all_runtimes().items()}


def choose_runtime(name: str) -> Runtime:
    """Return a runtime by name.

    Raises:
        RequestError: the runtime is unknown.
    """
    if name not in all_runtimes():
        raise RequestError(f"Unknown runtime {name!r}. {suggest_runtime(name)}")
    return all_runtimes()[name]


def suggest_runtime(name: str) -> str:
    """Return the advice for the name of an unknown runtime."""
    return f"{did_you_mean(name, all_runtimes())}Choose from {', '.join(all_runtimes())}."


def require_installed(runtime: Runtime, path: Path) -> None:
    """Check that the package of a runtime is installed.

    Raises:
        MissingPackages: it is not; the message has the command that installs it.
    """
    if not runtime.installed:
        raise MissingPackages(f"Opening {path} with {runtime.name}", runtime.package.command)


def open_model(runtime: Runtime, path: Path, display_name: str | None = None) -> Predictor:
    """Open a file or folder in a runtime; ``display_name`` is its name in error messages.

    Raises:
        MissingPackages: the runtime is not installed.
        ModelError: the file contains an operator that is not allowed, is not a model that the
            runtime can open, or is damaged.
    """
    require_installed(runtime, path)
    require_allowed(path, display_name)
    try:
        return runtime.open(path)
    except (PipelineError, MemoryError):
        raise
    except Exception as error:  # every runtime has its own exceptions
        raise ModelError(
            f"{display_name or path} is not a valid {' or '.join(runtime.formats)} model; "
            f"{runtime.name} raised {type(error).__name__}: {sentence(error)} Restore the file, or "
            "export it again."
        ) from error
