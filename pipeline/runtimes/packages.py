"""What a runtime needs installed: a Python package, or packages of npm and programs beside them."""

import json
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path

JAVASCRIPT = Path(__file__).parent.parent.parent / "tests" / "js"  # in a clone


NODE = ("node", "nodejs")  # the names that a program may have
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def find_program(names: tuple[str, ...]) -> Path | None:
    """Return the path of a program that has one of these names, or None."""
    found = filter(None, map(shutil.which, names))
    return next((Path(path).absolute() for path in found), None)


def scripts() -> list[Path]:
    """Return the files that the JavaScript runtimes run; none where there is no clone."""
    return sorted([*JAVASCRIPT.glob("*.mjs"), *JAVASCRIPT.glob("*.html")])


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
        try:
            return installed_version(self.distribution)
        except PackageNotFoundError:  # onnxruntime-gpu, say
            return "unknown"

    def load(self) -> None:
        """Import the modules."""
        for name in (self.module, *self.beside):
            import_module(name)


@dataclass(frozen=True)
class NpmPackage(Package):
    """Packages below ``tests/js`` of a clone, and the programs that they need."""

    names: tuple[str, ...]
    programs: tuple[tuple[str, ...], ...]  # of each, the names it may have

    command = "make javascript (in a clone; needs Node.js, and Chromium for the browser)"

    @property
    def version(self) -> str | None:
        """The version of the first package, where all packages and programs are there."""
        files = [JAVASCRIPT / "node_modules" / name / "package.json" for name in self.names]
        if not all(file.is_file() for file in files):
            return None
        if not all(map(find_program, self.programs)):
            return None
        return str(json.loads(files[0].read_text())["version"])

    def load(self) -> None:
        """Do nothing: a process of its own imports it."""
