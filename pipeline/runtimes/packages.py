"""What a runtime needs installed: a Python package, or what ``npm`` describes."""

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pipeline.system.packages import installed_version


def find_program(names: tuple[str, ...]) -> Path | None:
    """Return the path of a program that has one of these names, or None."""
    found = filter(None, map(shutil.which, names))
    return next((Path(path).absolute() for path in found), None)


class Package(ABC):
    """Something that may be installed; ``command`` adds it."""

    command: str

    @property
    @abstractmethod
    def version(self) -> str | None:
        """The version that is installed, or None; nothing is imported or started."""

    @abstractmethod
    def load(self) -> None:
        """Import it, so that the time to open a file is that of the file."""


@dataclass(frozen=True)
class PythonPackage(Package):
    """A package of PyPI, the module it gives, and the extra that brings it.

    ``beside`` names further modules that the runtime imports.
    """

    distribution: str
    module: str
    extra: str
    beside: tuple[str, ...] = ()

    @property
    def command(self) -> str:  # type: ignore[override]
        """The command that adds it."""
        return f"pip install 'dense-pipeline[{self.extra}]'"

    @property
    def version(self) -> str | None:
        """The version that is installed; of the same module by another name, ``unknown``."""
        if find_spec(self.module) is None:
            return None
        return installed_version(self.distribution) or "unknown"  # onnxruntime-gpu, say

    def load(self) -> None:
        """Import the modules."""
        for name in (self.module, *self.beside):
            import_module(name)
