"""What a check of gradients found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """The norm of a difference, and the largest norm that is allowed.

    For finite differences, ``moved`` weights were compared; those of ``crossed`` weights crossed
    a kink of the loss and were left out.
    """

    difference: float
    allowed: float
    moved: int | None = None
    crossed: int = 0

    @property
    def passed(self) -> bool:
        """Whether the difference is allowed; NaN is not."""
        return self.difference <= self.allowed


@dataclass(frozen=True)
class GradientRow:
    """The gradient of one tensor of a layer; comparisons that were not made are None."""

    layer: str
    tensor: str
    shape: tuple[int, ...]
    norm: float
    by_hand: Measured | None
    differences: Measured | None
    float32: Measured | None

    @property
    def passed(self) -> bool:
        """Whether all comparisons that were made passed."""
        made = (self.by_hand, self.differences, self.float32)
        return all(measured.passed for measured in made if measured is not None)


@dataclass(frozen=True)
class UpdateRow:
    """Weights after some steps of an update rule, by hand and with the optimizer of Keras."""

    rule: str
    formula: str
    steps: int
    compared: Measured
    convention: str = ""


@dataclass(frozen=True)
class GradientCheck:
    """The result of ``pipeline gradcheck``."""

    name: str
    images: int
    loss: float
    gradients: tuple[GradientRow, ...]
    updates: tuple[UpdateRow, ...]
    note: str = ""  # about the optimizer of the configuration

    @property
    def passed(self) -> bool:
        """Whether every gradient and every update rule passed."""
        return all(row.passed for row in self.gradients) and all(
            row.compared.passed for row in self.updates
        )
