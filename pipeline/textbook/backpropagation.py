"""Forward pass and backpropagation through a fully connected network.

z^(k+1) = x^(k) W^(k) + b^(k), x^(k) = activation(z^(k)), f = output(z^(last)); the loss is the mean
over the batch, plus the L2 penalty (lecture "Neural Networks: Basics", backpropagation).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.textbook.activations import Activation, Array
from pipeline.textbook.losses import OutputLoss


@dataclass(frozen=True)
class Network:
    """Weights W^(k) (inputs, units) and biases b^(k) (units,) of each layer, the output included.

    ``l2`` is the factor of the penalty l2 * sum of W^2 over all layers.
    """

    weights: Sequence[Array]
    biases: Sequence[Array]
    activation: Activation
    output: OutputLoss
    l2: float = 0.0


@dataclass(frozen=True)
class ForwardPass:
    """The values that backpropagation needs: x^(0), x^(1), ... and z^(1), z^(2), ..."""

    inputs: list[Array]
    pre_activations: list[Array]


@dataclass(frozen=True)
class LayerGradients:
    """dL/dz (n, units), dL/dW (inputs, units) and dL/db (units,) of a layer."""

    pre_activation: Array
    weights: Array
    biases: Array


def forward(network: Network, images: Array, masks: Sequence[Array] | None = None) -> ForwardPass:
    """Return the values of all layers for images (n, inputs), scaled to 0..1.

    ``masks`` (n, units) for each hidden layer are those of dropout: 0 where a unit is dropped,
    1 / (1 - rate) elsewhere.
    """
    inputs, pre_activations = [images], []
    last = len(network.weights) - 1
    for k, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True)):
        z = inputs[k] @ weights + biases
        pre_activations.append(z)
        if k < last:
            x = network.activation.function(z)
            inputs.append(x if masks is None else x * masks[k])
    return ForwardPass(inputs, pre_activations)


def loss(network: Network, values: ForwardPass, targets: Array) -> float:
    """Return (1/n) sum_j Loss(f(x_j), y_j) + l2 sum W^2."""
    of_images = network.output.loss(values.pre_activations[-1], targets)
    penalty = network.l2 * sum(float(np.sum(w**2)) for w in network.weights)
    return float(np.mean(of_images)) + penalty


def backward(
    network: Network, values: ForwardPass, targets: Array, masks: Sequence[Array] | None = None
) -> list[LayerGradients]:
    """Return the gradients of the loss for each layer, the first layer first.

    From the output down: dL/dz of a layer gives dL/dW and dL/db of the same layer, and, through
    its weights and the activation, dL/dz of the layer below.
    """
    gradients: list[LayerGradients] = []
    dz = network.output.derivative(values.pre_activations[-1], targets) / len(targets)
    for k in reversed(range(len(network.weights))):
        dw = values.inputs[k].T @ dz + 2 * network.l2 * network.weights[k]
        gradients.insert(0, LayerGradients(dz, dw, dz.sum(axis=0)))
        if k > 0:
            dx = dz @ network.weights[k].T
            if masks is not None:
                dx = dx * masks[k - 1]
            dz = dx * network.activation.derivative(values.pre_activations[k - 1])
    return gradients
