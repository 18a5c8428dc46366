"""The error of dLoss/dz of the last layer, from the error of z."""

import numpy as np

from pipeline.tasks.task import UNIT_ROUNDOFF as U
from pipeline.textbook.activations import Array
from pipeline.textbook.losses import OUTPUT_LOSSES, OutputLoss

# Relative; assumes that exp, erf, log and tanh are accurate to four units in the last place.
FUNCTION_ERROR = 8 * U


def output_derivative_error(output: OutputLoss, z: Array, e_z: Array, targets: Array) -> Array:
    """Return the error of ``output.derivative`` (n, units) if z has the error ``e_z``.

    Every z is assumed to lie on the same side of a kink in float32, as in ``gradient_errors``.
    """
    name = next(key for key, value in OUTPUT_LOSSES.items() if value is output)
    f = np.abs(output.output(z))
    match name:
        case ("softmax", _):  # each p changes at most by the factor exp(2 max e_z)
            largest = e_z.max(axis=1, keepdims=True)
            return np.asarray(f * np.expm1(2 * largest) + (2 + z.shape[1]) * FUNCTION_ERROR * f)
        case ("sigmoid", _):  # its slope is at most 1/4
            return e_z / 4 + FUNCTION_ERROR
        case ("tanh", _):  # the slope of 2 sigmoid(2z) is at most 1
            return e_z + 2 * FUNCTION_ERROR
        case (_, "squared"):
            error = e_z + U * (f + np.abs(targets[:, None]))
        case _:  # the sign of f - y is exact
            error = np.zeros_like(z)
    return np.where(z > 0, error, 0.0) if name[0] == "relu" else error
