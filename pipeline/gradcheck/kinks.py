"""On which side of the kinks of activation and loss the values of a network are."""

from collections.abc import Sequence

import numpy as np

from pipeline.textbook.activations import ACTIVATIONS, Array
from pipeline.textbook.finite_differences import Sides
from pipeline.textbook.losses import OutputLoss

# Of activations that the textbook does not have, from their definitions in Keras.
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


def kinks_of(activation: str) -> tuple[float, ...]:
    """Return the values of z at which the derivative of an activation jumps."""
    known = ACTIVATIONS.get(activation)
    return known.kinks if known else _KINKS.get(activation, ())


def sides(z: Array, kinks: Sequence[float]) -> Sides:
    """Return for z (n, units) whether it is above each kink, (kinks, n, units)."""
    return np.array([z > kink for kink in kinks], bool).reshape(len(kinks), *z.shape)


def output_sides(output: OutputLoss, z: Array, targets: Array) -> Sides:
    """Return the same for z of the output; f(z) = y is a kink of |f(z) - y|."""
    found = sides(z, output.kinks)
    if not output.kink_at_target:
        return found
    return np.concatenate([found, [output.output(z) > targets[:, None]]])
