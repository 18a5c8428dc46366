"""Central finite differences of the framework's own loss, for sampled weights."""

from collections.abc import Sequence

import keras
import numpy as np

from pipeline.gradcheck.framework import Batch, Framework
from pipeline.gradcheck.kinks import kinks_of, output_sides, sides
from pipeline.textbook.activations import Array
from pipeline.textbook.finite_differences import Differences, Sides, central_differences
from pipeline.textbook.losses import OutputLoss


class LossDifferences:
    """Differences of the loss of a float64 model over one batch."""

    def __init__(
        self, framework: Framework, batch: Batch, activation: str, output: OutputLoss
    ) -> None:
        """``activation`` is that of the hidden layers, by its Keras name."""
        self._framework, self._batch, self._output = framework, batch, output
        self._kinks = kinks_of(activation)

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
        *hidden, last = z
        found = [sides(value, self._kinks) for value in hidden]
        found.append(output_sides(self._output, last, self._batch.targets))
        return np.concatenate([array.ravel() for array in found])
