"""The packages that runtimes need: a Python package here, npm packages in ``npm``."""

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import install_command
from pipeline.system.packages import installed_version

_installed_version = cache(installed_version)  # a study plans hundreds of runs


def find_program(names: tuple[str, ...]) -> Path | None:
    """Return the path of the first program found under one of these names, or None."""
    found = filter(None, map(shutil.which, names))
    return next((Path(path).absolute() for path in found), None)


class Package(ABC):
    """A package that may be installed; ``command`` installs it."""

    command: str

    @property
    @abstractmethod
    def version(self) -> str | None:
        """The installed version or None, determined without importing or starting anything."""

    @abstractmethod
    def load(self) -> None:
        """Import the package, so that the time to open a file does not include it."""


@dataclass(frozen=True)
class PythonPackage(Package):
    """A PyPI package with its module and the extra that installs it.

    ``extra_modules`` names further modules that the runtime imports.
    """

    distribution: str
    module: str
    extra: str
    extra_modules: tuple[str, ...] = ()

    @property
    def command(self) -> str:  # type: ignore[override]
        """The command that installs the package."""
        return install_command(self.extra)

    @property
    def version(self) -> str | None:
        """The installed version; ``unknown`` if another package provides the module."""
        if find_spec(self.module) is None:
            return None
        return _installed_version(self.distribution) or "unknown"  # such as onnxruntime-gpu

    def load(self) -> None:
        """Import the modules."""
        for name in (self.module, *self.extra_modules):
            import_module(name)
