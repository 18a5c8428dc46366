"""Which runtimes there are, which are installed, and opening a file in one of them."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pipeline import runtimes
from pipeline.errors import MissingExtra, ModelError, PipelineError, RequestError
from pipeline.runtimes.predictor import Predictor


@dataclass(frozen=True)
class Runtime:
    """A way to open files of one format; ``package`` is imported by it, ``extra`` installs it."""

    name: str
    opens: str
    package: str
    extra: str
    open: Callable[[Path], Predictor]

    @property
    def installed(self) -> bool:
        """Whether its package can be found; nothing is imported."""
        return find_spec(self.package) is not None


@cache
def all_runtimes() -> dict[str, Runtime]:
    """Return every runtime by name: one for each module of this folder that declares one."""
    modules = (
        import_module(f"{runtimes.__name__}.{info.name}")
        for info in pkgutil.iter_modules(runtimes.__path__)
    )
    declared = (getattr(module, "RUNTIME", None) for module in modules)
    return {runtime.name: runtime for runtime in declared if isinstance(runtime, Runtime)}


def runtimes_for(file_format: str) -> list[Runtime]:
    """Return the runtimes that open a format."""
    return [runtime for runtime in all_runtimes().values() if runtime.opens == file_format]


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


def open_model(runtime: Runtime, path: Path) -> Predictor:
    """Open a file or folder in a runtime.

    Raises:
        MissingExtra: the runtime is not installed.
        ModelError: the file is not a model of that format, or is damaged.
    """
    if not runtime.installed:
        raise MissingExtra(f"Opening {path} with {runtime.name}", runtime.extra)
    try:
        return runtime.open(path)
    except PipelineError:
        raise
    except Exception as error:  # every runtime has exceptions of its own
        reason = " ".join(str(error).split())[:300]
        raise ModelError(
            f"{path.name or path} must be a whole {runtime.opens} model; got "
            f"{type(error).__name__} from {runtime.name}: {reason} Export it again or restore it."
        ) from error
