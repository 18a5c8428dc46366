"""Activations of one number."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.textbook.activations import ACTIVATIONS, Array
from pipeline.verification.activations.activation import Activation

Function = Callable[[Array], Array]
Magnitude = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Elementwise(Activation):
    """A function of one number, with its derivative."""

    function: Function
    derivative: Function
    largest: Magnitude | None = None

    def value(self, x: Array) -> Array:
        """Return f(x)."""
        return self.function(x)

    def pull_back(self, x: Array, sensitivity: Array) -> Array:
        """Return f'(x) v."""
        return sensitivity * self.derivative(x)[:, None]

    def variance(self, x: Array, variance: Array) -> Array:
        """Return f'(x)^2 Var(x)."""
        return self.derivative(x) ** 2 * variance

    def remainder(self, x: Array, error: Array) -> Array:
        """Return the larger of |f(x + e) - f(x) - f'(x) e| and |f(x - e) - f(x) + f'(x) e|.

        It is not 0 where a kink, such as that of ReLU at 0, is within the error. Between kinks, the
        functions are convex or concave for errors of the size of roundings, so the ends suffice.
        """
        y, change = self.function(x), self.derivative(x) * error
        above = np.abs(self.function(x + error) - y - change)
        return np.maximum(above, np.abs(self.function(x - error) - y + change))

    def magnitude(self, x: Array, y: Array) -> Array:
        """Return |x| + |f(x)| + 1, or less where the function is known to round less."""
        return super().magnitude(x, y) if self.largest is None else self.largest(x, y)


def from_textbook(name: str, largest: Magnitude | None = None) -> Elementwise:
    """Return an activation of the lecture."""
    known = ACTIVATIONS[name]
    return Elementwise(known.function, known.derivative, largest)
