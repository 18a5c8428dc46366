"""Which runtimes there are, which are installed, and opening a file in one of them."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from pipeline.errors import MissingPackages, ModelError, PipelineError, RequestError, one_line
from pipeline.runtimes.packages import Package
from pipeline.runtimes.predictor import Predictor


@dataclass(frozen=True)
class Runtime:
    """A way to open files of some formats.

    ``package`` must be installed for it; ``asked`` is a setting that its answers depend on;
    ``entrances`` are further ways into its files, which must be there.
    """

    name: str
    opens: tuple[str, ...]
    package: Package
    open: Callable[[Path], Predictor]
    asked: str = ""
    entrances: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        """Whether its package can be found; nothing is imported."""
        return self.package.version is not None


@cache
def all_runtimes() -> dict[str, Runtime]:
    """Return every runtime by name: one for each module of this folder that declares one."""
    modules = (
        import_module(f"{__package__}.{info.name}")
        for info in pkgutil.iter_modules([str(Path(__file__).parent)])
    )
    declared = (getattr(module, "RUNTIME", None) for module in modules)
    return {runtime.name: runtime for runtime in declared if isinstance(runtime, Runtime)}


def runtimes_for(file_format: str) -> list[Runtime]:
    """Return the runtimes that open a format."""
    return [runtime for runtime in all_runtimes().values() if file_format in runtime.opens]


def runtime_versions() -> dict[str, str]:
    """Return the version of what each runtime needs, or ``not installed``."""
    return {name: item.package.version or "not installed" for name, item in all_runtimes().items()}


def choose_runtime(name: str) -> Runtime:
    """Return a runtime by name.

    Raises:
        RequestError: there is none of that name.
    """
    if name not in all_runtimes():
        raise RequestError(
            f"A runtime must be one of {', '.join(all_runtimes())}; got {name!r}. Choose one."
        )
    return all_runtimes()[name]


def require_installed(runtime: Runtime, path: Path) -> None:
    """Demand that what a runtime needs is there.

    Raises:
        MissingPackages: it is not; the command that adds it is named.
    """
    if not runtime.installed:
        raise MissingPackages(f"Opening {path} with {runtime.name}", runtime.package.command)


def open_model(runtime: Runtime, path: Path, shown: str | None = None) -> Predictor:
    """Open a file or folder in a runtime; in messages it is called ``shown``.

    Raises:
        MissingPackages: the runtime is not installed.
        ModelError: the file is not a model that the runtime opens, or is damaged.
    """
    require_installed(runtime, path)
    try:
        return runtime.open(path)
    except PipelineError:
        raise
    except Exception as error:  # every runtime has exceptions of its own
        raise ModelError(
            f"{shown or path} must be a whole {' or '.join(runtime.opens)} model; got "
            f"{type(error).__name__} from {runtime.name}: {one_line(error)} "
            "Export it again or restore it."
        ) from error
