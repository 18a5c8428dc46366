"""The lecture's example of backpropagation: a network of three scalar weights.

z1 = w0 x0, x1 = max(0, z1), z2 = w1 x1, x2 = max(0, z2), z3 = w2 x2, L = (z3 - y)^2 / 2.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """The three weights."""

    w0: float
    w1: float
    w2: float


@dataclass(frozen=True)
class Values:
    """The values of a forward pass, in the order in which they are computed."""

    z1: float
    x1: float
    z2: float
    x2: float
    z3: float
    loss: float


@dataclass(frozen=True)
class Derivatives:
    """dL with respect to each value and weight, in the order in which they are computed."""

    dz3: float
    dw2: float
    dx2: float
    dz2: float
    dw1: float
    dx1: float
    dz1: float
    dw0: float


def forward(x0: float, y: float, w: Weights) -> Values:
    """Return all values from x0 to the loss."""
    z1 = w.w0 * x0
    x1 = max(0.0, z1)
    z2 = w.w1 * x1
    x2 = max(0.0, z2)
    z3 = w.w2 * x2
    return Values(z1, x1, z2, x2, z3, (z3 - y) ** 2 / 2)


def backward(x0: float, y: float, w: Weights, values: Values) -> Derivatives:
    """Return all derivatives of the loss, from the output down."""
    dz3 = values.z3 - y
    dw2 = values.x2 * dz3
    dx2 = w.w2 * dz3
    dz2 = dx2 if values.z2 > 0 else 0.0
    dw1 = values.x1 * dz2
    dx1 = w.w1 * dz2
    dz1 = dx1 if values.z1 > 0 else 0.0
    return Derivatives(dz3, dw2, dx2, dz2, dw1, dx1, dz1, dw0=x0 * dz1)


def update(w: Weights, gradient: Derivatives, *, rate: float) -> Weights:
    """Return w - alpha dL/dw."""
    return Weights(
        w.w0 - rate * gradient.dw0, w.w1 - rate * gradient.dw1, w.w2 - rate * gradient.dw2
    )
