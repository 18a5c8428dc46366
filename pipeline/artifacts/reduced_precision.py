"""Copies in lower precision, compared with the files that they were made from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Copy:
    """A copy and its original; ``reason`` explains why the copy is left out, or is None.

    ``score`` is that of the task on the validation set; it is worse than the original's by
    ``worse_by``, in the ``unit`` percentage points, or percent for errors such as the RMSE.
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

    @property
    def change(self) -> str:
        """The change of the score as text, such as "0.05 points lower"."""
        worse, better = ("higher", "lower") if self.unit == "percent" else ("lower", "higher")
        return f"{abs(self.worse_by):.2f} {self.unit} {worse if self.worse_by >= 0 else better}"
