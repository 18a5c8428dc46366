"""The formulas of ``losses`` as text, with the number of their operations."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OutputFormulas:
    """An output f with its loss for one image, and dLoss/dz; ``z`` stands for the last z.

    ``loss_flops`` counts the operations for each image, ``derivative_flops`` those for each z.
    """

    output: str
    loss: str
    loss_flops: int
    dz: str
    derivative_flops: int

    def value(self, z: str) -> str:
        """Return the formula of f for a name of z."""
        return self.output.format(z=z)

    def derivative(self, z: str) -> str:
        """Return the formula of dLoss/dz for a name of z."""
        return self.dz.format(z=z)


_LOGISTIC = ("-y log f - (1 - y) log(1 - f)", 8)
_SQUARED, _ABSOLUTE = ("(f - y)^2 / 2", 3), ("|f - y|", 2)

# By the name of the output and of the loss, as OUTPUT_LOSSES.
OUTPUT_FORMULAS = {
    ("softmax", "cross_entropy"): OutputFormulas(
        "softmax({z})", "-log f_y", 2, "(f - onehot y)", 1
    ),
    ("sigmoid", "cross_entropy"): OutputFormulas("sigmoid({z})", *_LOGISTIC, "(f - y)", 1),
    ("tanh", "cross_entropy"): OutputFormulas("(1 + tanh {z}) / 2", *_LOGISTIC, "2 (f - y)", 2),
    ("linear", "squared"): OutputFormulas("{z}", *_SQUARED, "(f - y)", 1),
    ("linear", "absolute"): OutputFormulas("{z}", *_ABSOLUTE, "sign(f - y)", 2),
    ("relu", "squared"): OutputFormulas("max(0, {z})", *_SQUARED, "[{z} > 0] (f - y)", 3),
    ("relu", "absolute"): OutputFormulas("max(0, {z})", *_ABSOLUTE, "[{z} > 0] sign(f - y)", 4),
}
