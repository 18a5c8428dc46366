"""Central finite differences of the framework's own loss, for sampled weights."""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from pipeline.gradcheck.framework import Batch, Framework
from pipeline.textbook.activations import ACTIVATIONS, Array
from pipeline.textbook.finite_differences import Differences, Sides, central_differences

# Kinks of activations that the textbook does not have, from their definitions in Keras.
_KINKS = {
    "relu6": (0.0, 6.0),
    "hard_sigmoid": (-3.0, 3.0),
    "hard_silu": (-3.0, 3.0),
    "hard_swish": (-3.0, 3.0),
    "hard_tanh": (-1.0, 1.0),
    "hard_shrink": (-0.5, 0.5),
    "soft_shrink": (-0.5, 0.5),
    "selu": (0.0,),
    "threshold": (0.0,),
}


class LossDifferences:
    """Differences of the loss of a float64 model over one batch."""

    def __init__(
        self, framework: Framework, batch: Batch, activation: str, sides: Callable[[Array], Sides]
    ) -> None:
        """``sides`` maps z of the last layer to the sides of the kinks of the loss."""
        self._framework, self._batch, self._output_sides = framework, batch, sides
        known = ACTIVATIONS.get(activation)
        self._kinks = known.kinks if known else _KINKS.get(activation, ())

    def of(self, variable: keras.Variable, indices: Sequence[int]) -> Differences:
        """Return the differences for the flattened indices of a weight."""
        before = keras.ops.convert_to_numpy(variable)
        tensor = np.array(before, np.float64)
        last: list[Array] = []

        def loss() -> float:
            variable.assign(tensor)
            value, z = self._framework.compute(self._batch)
            last[:] = z
            return value

        try:
            return central_differences(tensor, list(indices), loss, lambda: self._sides(last))
        finally:
            variable.assign(before)

    def _sides(self, z: Sequence[Array]) -> Sides:
        sides = [(value > kink).ravel() for value in z[:-1] for kink in self._kinks]
        return np.concatenate([*sides, self._output_sides(z[-1]).ravel()])
