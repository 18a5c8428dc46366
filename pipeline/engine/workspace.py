"""The folder a pipeline works in: ``runs/`` for outputs, ``exported/`` for published models."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.records import Records
from pipeline.engine.store import Store


@dataclass(frozen=True)
class Workspace:
    """The folder for everything that a run writes."""

    root: Path

    @property
    def options(self) -> list[str]:
        """The options of a command for this workspace; none if it is the current folder."""
        return [] if self.root == Path() else ["-C", str(self.root)]

    @property
    def store(self) -> Store:
        """The stage outputs."""
        return Store(self.root / "runs")

    @property
    def records(self) -> Records:
        """The records of the runs."""
        return Records(self.root / "runs" / "records")

    @property
    def exported(self) -> Path:
        """The published models."""
        return self.root / "exported"

    def checkpoint(self, fingerprint: str) -> Path:
        """Return the checkpoint file of an interrupted training; removed after training."""
        return self.checkpoints / f"{fingerprint}.npz"

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints."""
        return self.root / "runs" / "checkpoints"

    @property
    def event_files(self) -> Path:
        """The folder for TensorBoard; its folders have the names of the run records."""
        return self.root / "runs" / "tensorboard"

    @property
    def tracking(self) -> Path:
        """The folder of the journals of tracked runs."""
        return self.root / "runs" / "tracking"

    def downloads(self, data_set: str) -> Path:
        """Return the download folder of a data set; removed once the data is prepared."""
        return self.all_downloads / re.sub("[/:]", "-", data_set)

    @property
    def all_downloads(self) -> Path:
        """The folder of the downloads of all data sets."""
        return self.root / "runs" / "downloads"
