"""Copies in lower precision, compared with the files that they were made from."""

from dataclasses import dataclass

AGREEMENT = "agreement"  # the score of a copy where there is no validation set


@dataclass(frozen=True)
class Copy:
    """A copy and its original; ``reason`` explains why the copy is left out, or is None.

    ``score`` is that of the task on the ``split``; it is worse than the original's by
    ``worse_by``, in the ``unit`` percentage points, or percent for errors such as the RMSE.
    Without a validation set, the split is ``train``, and the score of a classifier is the
    agreement: the share of images with the same label as from the original.
    """

    format: str
    artifact: str
    score_name: str
    score: float
    worse_by: float
    unit: str
    bytes: int
    original_bytes: int
    reason: str | None
    split: str = "validation"

    @property
    def change(self) -> str:
        """The change of the score as text, such as "0.05 points lower"."""
        worse, better = ("higher", "lower") if self.unit == "percent" else ("lower", "higher")
        return f"{abs(self.worse_by):.2f} {self.unit} {worse if self.worse_by >= 0 else better}"
