"""Central finite differences: the definition of a derivative, as a check of backpropagation."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.textbook.activations import Array

Sides = npt.NDArray[np.bool_]
# Balances the truncation error h^2 L'''/6 and the rounding error eps |L| / h.
STEP = float(np.cbrt(np.finfo(np.float64).eps))
_ROUNDINGS = 8  # assumed, in units of eps, for the loss of a batch


@dataclass(frozen=True)
class Differences:
    """(L(w + h) - L(w - h)) / 2h for sampled weights.

    ``indices`` are those of the flattened tensor. Weights whose difference crosses a kink, where
    the loss has no derivative, are left out and counted in ``crossed``. ``rounding_error`` is that
    of one difference: eps |L| / h, a few times over for the sum over images.
    """

    indices: list[int]
    values: Array
    crossed: int
    rounding_error: float


def central_differences(
    tensor: Array,
    indices: list[int],
    loss: Callable[[], float],
    sides_of_kinks: Callable[[], Sides],
) -> Differences:
    """Return the differences for some weights of ``tensor``, which is restored afterwards.

    ``loss`` and ``sides_of_kinks`` read the tensor: the latter returns, for every value that has a
    kink, on which side of it the value is.
    """
    flat = tensor.reshape(-1)  # a view
    kept, values, crossed, largest = [], [], 0, 0.0
    for index in indices:
        before = flat[index]
        step = STEP * max(1.0, abs(before))
        results = []
        for moved in (before + step, before - step):
            flat[index] = moved
            results.append((loss(), sides_of_kinks()))
        flat[index] = before
        (above, sides_above), (below, sides_below) = results
        if np.array_equal(sides_above, sides_below):
            kept.append(index)
            values.append((above - below) / (2 * step))
            largest = max(largest, abs(above), abs(below))
        else:
            crossed += 1
    rounding_error = _ROUNDINGS * np.finfo(np.float64).eps * largest / STEP
    return Differences(kept, np.array(values), crossed, float(rounding_error))
