"""The folder a pipeline works in: ``runs/`` for outputs, ``exported/`` for published models."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.store import Store


@dataclass(frozen=True)
class Workspace:
    """Where everything that a run writes goes."""

    root: Path

    @property
    def store(self) -> Store:
        """The stage outputs."""
        return Store(self.root / "runs")

    @property
    def exported(self) -> Path:
        """The published models."""
        return self.root / "exported"

    def checkpoint(self, fingerprint: str) -> Path:
        """Return the file with the state of an interrupted training; removed once it is over."""
        return self.root / "runs" / "checkpoints" / f"{fingerprint}.npz"

    def downloads(self, data_set: str) -> Path:
        """Return where files of a data set are fetched to; removed once it is prepared."""
        return self.root / "runs" / "downloads" / re.sub("[/:]", "-", data_set)
