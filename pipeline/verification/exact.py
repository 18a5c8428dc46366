"""The exact predictions of a dense network, and how far float32 arithmetic may be from them.

Every float32 operation rounds its result: fl(a op b) = (a op b)(1 + d), |d| <= U = 2^-24 (Higham
2002, section 2.2). The effect of all roundings on a logit z_c is their sum, each multiplied by the
derivative of z_c with respect to the rounded number, which backpropagation computes (Linnainmaa
1976):

    dz_c = sum over layers and units of  (dz_c / dz_j) r_j

The sum z_j = sum_k w_jk x_k + b_j has n + 1 roundings in whatever order a runtime adds, where n
counts the x_k that are not 0. None exceeds U A_j with A_j = sum_k |w_jk| |x_k| + |b_j| (Higham
2002, section 3.1). The worst case, (n + 1) U A_j, is never approached: roundings are as often up
as down. If each has mean zero given those before it, as Connolly, Higham and Mary (2021) show for
stochastic rounding and observe for rounding to nearest, the inequality of Azuma and Hoeffding holds
for the sum over the whole network, as it does for one inner product (Higham and Mary 2019):

    |dz_c| <= FACTOR U sqrt(sum over layers and units of (dz_c / dz_j)^2 (n_j + 1) A_j^2)

except with probability 2 exp(-FACTOR^2 / 2). What is not linear in the roundings, such as a ReLU
whose input has no certain sign, is added in full. ``Task.exact_output`` continues from the logits.

The error of a mean of K outputs is at most the mean of their errors, plus K + 1 roundings of it: of
K - 1 sums, of 1/K, and of the product with it.

Sources: N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM 2002;
S. Linnainmaa, "Taylor expansion of the accumulated rounding error", BIT 16 (1976); N. J. Higham and
T. Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41 (2019);
M. P. Connolly, N. J. Higham and T. Mary, "Stochastic rounding and its probabilistic backward error
analysis", SIAM J. Sci. Comput. 43 (2021).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.tasks.task import UNIT_ROUNDOFF as U
from pipeline.tasks.task import Task
from pipeline.textbook.activations import Array
from pipeline.verification.activations.activation import Activation
from pipeline.verification.activations.table import ACTIVATIONS
from pipeline.verification.network import Dense, Network

# A test set of 10,000 images and 10 classes in 15 runtimes has 1.5e6 predictions. With 8, the
# probability that any of them exceeds its bound is 1.5e6 * 2 exp(-32) = 4e-8.
FACTOR = 8

# Elementary functions are accurate to one unit in the last place, or 2 U, of their largest
# intermediate result; FACTOR allows 8 units.
_FUNCTION_ROUNDINGS = 2
_TINY = 2.0**-126  # results below are denormal, and some runtimes replace them by 0
_CHUNK_NUMBERS = 8_000_000  # of one temporary array of float64: 64 MB


@dataclass(frozen=True)
class Exact:
    """Predictions computed in float64, and the permitted differences; both (n, units)."""

    probabilities: Array
    allowed: Array


@dataclass(frozen=True)
class _Step:
    """One layer for a chunk of images: kernel, activation, its input z, and the new errors.

    ``rounding`` of z and ``rounding_after`` of the activation are scales of random errors (their
    root mean square is less); ``certain`` and ``certain_after`` bound errors that are not random.
    """

    kernel: Array
    activation: Activation
    z: Array
    rounding: Array
    certain: Array
    rounding_after: Array
    certain_after: Array


def is_supported(network: Network) -> bool:
    """Return whether the activations of all layers are known."""
    return all(layer.activation in ACTIVATIONS for layer in network.layers)


def exact_predictions(network: Network, images: npt.NDArray[np.uint8], task: Task) -> Exact:
    """Return the exact predictions for images (n, height, width, channels), in chunks."""
    outputs = network.layers[-1].kernel.shape[1]
    widest = max(max(layer.kernel.shape) for layer in network.layers)
    size = max(1, _CHUNK_NUMBERS // (outputs * widest))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        chunks = [
            _output(network, images[first : first + size], task)
            for first in range(0, len(images), size)
        ]
    probabilities, allowed = zip(*chunks, strict=True)
    return Exact(np.concatenate(probabilities), np.concatenate(allowed))


def _output(network: Network, images: npt.NDArray[np.uint8], task: Task) -> tuple[Array, Array]:
    """Return the exact output (n, units) for a chunk of images and the bounds of its errors."""
    pixels = images.reshape(len(images), -1)
    rows = [pixels] if network.shifts is None else [pixels[:, row] for row in network.shifts]
    outputs = [
        task.exact_output(*_logits(network, chain, row)) for chain in network.chains for row in rows
    ]
    if len(outputs) == 1:
        return outputs[0]
    values, errors = (np.mean(arrays, axis=0) for arrays in zip(*outputs, strict=True))
    return values, errors + (len(outputs) + 1) * U * np.abs(values)


def _logits(
    network: Network, chain: tuple[Dense, ...], pixels: npt.NDArray[np.uint8]
) -> tuple[Array, Array]:
    """Return the exact logits (n, units) for pixels (n, inputs) and the bounds of their errors."""
    assert network.scale is not None, "networks read from Keras have a scale"
    x = pixels * np.float64(network.scale)
    variance = np.zeros_like(x)
    steps: list[_Step] = []
    for layer in chain:
        step, x, variance = _forward(layer, x, variance, is_first=not steps)
        steps.append(step)
    return x, _backward(steps)


def _forward(
    layer: Dense, x: Array, variance: Array, *, is_first: bool
) -> tuple[_Step, Array, Array]:
    """Return the step of a layer, its outputs, and the variances of their errors.

    The variances treat errors of different units as independent. They only determine where an
    activation is not linear within its error.
    """
    kernel = layer.kernel.astype(np.float64)
    bias = np.zeros(kernel.shape[1]) if layer.bias is None else layer.bias.astype(np.float64)
    activation = ACTIVATIONS[layer.activation]
    z = x @ kernel + bias
    reach = np.abs(x) @ np.abs(kernel) + np.abs(bias)
    terms = np.count_nonzero(x, axis=1)[:, None] + 1
    rounding = U * np.sqrt(terms) * reach + terms * _TINY
    # scale * pixel is rounded once, and that error is common to all units of the first layer.
    certain = U * reach if is_first else np.zeros_like(z)
    variance = variance @ kernel**2 + rounding**2 + certain**2
    y = activation.value(z)
    step = _Step(
        kernel,
        activation,
        z,
        rounding,
        certain,
        rounding_after=_FUNCTION_ROUNDINGS * U * activation.magnitude(z, y),
        certain_after=activation.remainder(z, FACTOR * np.sqrt(variance)),
    )
    after = step.rounding_after**2 + step.certain_after**2
    return step, y, activation.variance(z, variance) + after


def _backward(steps: list[_Step]) -> Array:
    """Return FACTOR sqrt(sum v^2 rounding^2) + sum |v| certain; v are derivatives of the logits."""
    images, outputs = steps[-1].z.shape
    v = np.broadcast_to(np.eye(outputs), (images, outputs, outputs))
    squares, certain = np.zeros((images, outputs)), np.zeros((images, outputs))
    for step in reversed(steps):
        squares += _sum(v**2, step.rounding_after**2)
        certain += _sum(np.abs(v), step.certain_after)
        v = step.activation.pull_back(step.z, v)
        squares += _sum(v**2, step.rounding**2)
        certain += _sum(np.abs(v), step.certain)
        if step is not steps[0]:
            v = (v.reshape(-1, v.shape[-1]) @ step.kernel.T).reshape(images, outputs, -1)
    return FACTOR * np.sqrt(squares) + certain


def _sum(weights: Array, errors: Array) -> Array:
    """Return the sums over units of weights (n, outputs, units) times errors (n, units)."""
    return np.asarray(np.einsum("ncj,nj->nc", weights, errors))
