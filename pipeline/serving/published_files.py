"""The files of a version that people look at: report, model card, and a few test images."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.artifacts.files import FileDescription, alteration
from pipeline.errors import ModelError
from pipeline.publishing.golden import GOLDEN, read_golden
from pipeline.runtimes.predictor import Images
from pipeline.system.regular_files import read_regular

DOCUMENTS = ("report.html", "README.md")


@dataclass(frozen=True, eq=False)
class PublishedFiles:
    """The folder of a version, and the files that its manifest describes."""

    folder: Path
    described: Mapping[str, FileDescription]

    @property
    def documents(self) -> list[str]:
        """The names of the documents that the version has."""
        return [name for name in DOCUMENTS if name in self.described]

    def read(self, name: str) -> bytes:
        """Return the bytes of a document.

        Raises:
            ModelError: it was altered after it was published.
        """
        self._require_unaltered(name)
        return read_regular(self.folder / name, self.described[name].bytes)

    @cached_property
    def examples(self) -> Images:
        """At most ten test images of different classes, uint8 (n, height, width, channels).

        Raises:
            ModelError: the file was altered after it was published.
        """
        self._require_unaltered(GOLDEN)
        return read_golden(self.folder / GOLDEN).images

    def _require_unaltered(self, name: str) -> None:
        changed = alteration(self.folder, name, self.described[name])
        if changed:
            raise ModelError(f"{changed}, as when it was published.")
