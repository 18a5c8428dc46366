"""Copies in lower precision, compared with the files that they were made from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Copy:
    """A copy and its original; ``reason`` explains why the copy is left out, or is None.

    ``accuracy`` is on the validation set, 0 to 1; ``accuracy_drop`` is in percentage points.
    """

    format: str
    artifact: str
    accuracy: float
    accuracy_drop: float
    bytes: int
    original_bytes: int
    reason: str | None
