"""The interface of an activation: its values, and how errors of its inputs change them."""

from abc import ABC, abstractmethod

import numpy as np

from pipeline.textbook.activations import Array


class Activation(ABC):
    """An activation; ``x`` are its inputs (n, units), ``error`` bounds of their errors."""

    @abstractmethod
    def value(self, x: Array) -> Array:
        """Return the outputs (n, units)."""

    @abstractmethod
    def pull_back(self, x: Array, sensitivity: Array) -> Array:
        """Return sensitivities to the inputs from those to the outputs, both (n, outputs, units).

        This is the product with the Jacobian of the activation, as in backpropagation.
        """

    @abstractmethod
    def variance(self, x: Array, variance: Array) -> Array:
        """Return the variances of the errors of the outputs from those of the inputs."""

    @abstractmethod
    def remainder(self, x: Array, error: Array) -> Array:
        """Return how far the outputs may be from their linearization, for errors of the inputs."""

    def magnitude(self, x: Array, y: Array) -> Array:
        """Return the largest intermediate result of computing the outputs ``y``; it is rounded."""
        return np.abs(x) + np.abs(y) + 1
