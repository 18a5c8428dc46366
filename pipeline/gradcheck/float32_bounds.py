"""How far gradients computed in float32 may be from the exact ones.

Rounding errors are modeled as independent, with mean zero, as in Higham and Mary (2019), "A new
approach to probabilistic rounding error analysis": a sum of m products has an error of the order
sqrt(m) u sum |a_i b_i| (u = 2^-24) instead of m u in the worst case, and errors of operands add up
as variances do. The error of a whole tensor may be ``FACTOR`` times the norm of its elements'.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.gradcheck.kinks import output_sides, sides
from pipeline.gradcheck.output_errors import FUNCTION_ERROR, output_derivative_error
from pipeline.tasks.task import UNIT_ROUNDOFF as U
from pipeline.textbook.activations import Activation, Array
from pipeline.textbook.backpropagation import ForwardPass, LayerGradients, Network
from pipeline.textbook.finite_differences import Sides

FACTOR = 10.0


@dataclass(frozen=True)
class ForwardErrors:
    """The errors of the values of a forward pass: x^(k) and z^(k+1)."""

    inputs: list[Array]
    pre_activations: list[Array]


def forward_errors(
    network: Network, values: ForwardPass, masks: Sequence[Array] | None = None
) -> ForwardErrors:
    """Return the errors of a forward pass in float32; ``values`` are exact."""
    activation, last = network.activation, len(network.weights) - 1
    e_x = 2 * U * np.abs(values.inputs[0])  # 1/255 is rounded, and so is its product
    errors = ForwardErrors([e_x], [])
    for k, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        e_z = _combined(_rounding(values.inputs[k], w, np.abs(b)), _sum(e_x, w))
        errors.pre_activations.append(e_z)
        if k < last:
            f = np.abs(activation.function(values.pre_activations[k]))
            e_x = activation.slope * e_z + FUNCTION_ERROR * f
            if masks is not None:
                e_x = masks[k] * (e_x + 2 * U * f)
            errors.inputs.append(e_x)
    return errors


def on_the_same_sides(
    network: Network,
    values: ForwardPass,
    errors: ForwardErrors,
    rounded: Sequence[Array],
    targets: Array,
) -> ForwardPass:
    """Replace z that rounding may have moved over a kink by ``rounded``, computed in float32.

    Both are valid there: the derivative is that of either side.
    """
    *hidden, _ = values.pre_activations

    def sides_of(k: int, z: Array) -> Sides:
        if k < len(hidden):
            return sides(z, network.activation.kinks)
        return output_sides(network.output, z, targets)

    replaced = []
    for k, (z, other) in enumerate(zip(values.pre_activations, rounded, strict=True)):
        crossed = np.any(sides_of(k, z) != sides_of(k, other), axis=0)
        near = np.abs(z - other) <= FACTOR * errors.pre_activations[k]
        replaced.append(np.where(crossed & near, other, z))
    return ForwardPass(values.inputs, replaced)


def gradient_errors(
    network: Network,
    values: ForwardPass,
    forward: ForwardErrors,
    gradients: Sequence[LayerGradients],
    targets: Array,
    masks: Sequence[Array] | None = None,
) -> list[LayerGradients]:
    """Return the error of each element of ``gradients``, which are exact.

    Every z is assumed to lie on the same side of a kink in float32; see ``on_the_same_sides``.
    """
    z, n = values.pre_activations[-1], len(targets)
    e_dz = output_derivative_error(network.output, z, forward.pre_activations[-1], targets) / n
    e_dz = e_dz + 3 * U * np.abs(gradients[-1].pre_activation)
    errors: list[LayerGradients] = []
    for k in reversed(range(len(gradients))):
        dz, w = gradients[k].pre_activation, network.weights[k]
        x, e_x = values.inputs[k], forward.inputs[k]
        penalty = 6 * U * network.l2 * np.abs(w)
        e_dw = _combined(_rounding(x.T, dz), _sum(e_x.T, dz), _sum(x.T, e_dz), penalty)
        ones = np.ones((1, n))
        e_db = _combined(_rounding(ones, dz), _sum(ones, e_dz))[0]
        errors.insert(0, LayerGradients(e_dz, e_dw, e_db))
        if k > 0:
            dx, e_dx = dz @ w.T, _combined(_rounding(dz, w.T), _sum(e_dz, w.T))
            if masks is not None:
                dx, e_dx = masks[k - 1] * dx, masks[k - 1] * (e_dx + 2 * U * np.abs(dx))
            below = values.pre_activations[k - 1], forward.pre_activations[k - 1]
            e_dz = _through_activation(network.activation, dx, e_dx, *below)
    return errors


def _rounding(a: Array, b: Array, added: Array | float = 0.0) -> Array:
    """Return the rounding error of a @ b + added."""
    terms = a.shape[1] + 1
    return np.asarray(np.sqrt(terms) * U * (np.abs(a) @ np.abs(b) + added))


def _sum(e_a: Array, b: Array) -> Array:
    """Return the error of a @ b from that of one operand, the other being exact."""
    return np.sqrt(e_a**2 @ b**2)


def _combined(*errors: Array) -> Array:
    return np.asarray(np.sqrt(sum(error**2 for error in errors)))


def _through_activation(
    activation: Activation, dx: Array, e_dx: Array, z: Array, e_z: Array
) -> Array:
    """Return the error of dx * f'(z)."""
    slope = np.abs(activation.derivative(z))
    e_slope = activation.curvature * e_z
    e_slope = e_slope + FUNCTION_ERROR * np.maximum(slope, activation.curvature)
    return _combined(e_dx * slope, dx * e_slope)
