"""Compare the gradients of one mini-batch: framework, backpropagation by hand, differences."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import numpy as np

from pipeline.config.training_schema import FULL_GRADIENT_METHODS
from pipeline.gradcheck.by_hand import scaled_and_flat, textbook_network
from pipeline.gradcheck.differences import LossDifferences
from pipeline.gradcheck.float32_bounds import (
    FACTOR,
    forward_errors,
    gradient_errors,
    on_the_same_sides,
)
from pipeline.gradcheck.framework import Batch, Framework
from pipeline.gradcheck.report import GradientCheck, GradientRow, Measured
from pipeline.gradcheck.updates import check_updates
from pipeline.models.dense import build_model, in_float64
from pipeline.tasks.registry import task_of
from pipeline.textbook.activations import Array
from pipeline.textbook.backpropagation import LayerGradients, backward, forward
from pipeline.textbook.losses import OUTPUT_LOSSES, OutputLoss

if TYPE_CHECKING:
    from pipeline.artifacts.data_set import DataSet
    from pipeline.config.schema import Config, Model
    from pipeline.tasks.task import Task

TOLERANCE = 1e-6  # in float64, of the norm of each tensor
_SAMPLES = 24  # weights of each tensor that are moved


def check_network(
    config: "Config", data: "DataSet", batch: Batch, *, on_tensor: Callable[[str], None]
) -> GradientCheck:
    """Check the gradients of the network of a configuration, with its initial weights."""
    keras.utils.set_random_seed(config.train.seed)
    task = task_of(config)
    model = build_model(
        config.model,
        image_shape=data.image_shape,
        num_classes=len(data.class_names),
        task=task,
    )
    output = OUTPUT_LOSSES[task.output_name, task.loss_name]
    loss, rows = check_gradients(model, config.model, task, batch, output, on_tensor=on_tensor)
    updates = tuple(check_updates())
    return GradientCheck(
        config.name, len(batch.labels), loss, tuple(rows), updates, _note(config.optimizer.name)
    )


def _note(optimizer: str) -> str:
    if optimizer not in FULL_GRADIENT_METHODS:
        return ""
    return (
        f"{optimizer} has no update rule to compare: SciPy computes its steps from the gradients "
        "above, and a line search determines their lengths. The rules below are those of the other "
        "optimizers."
    )


def check_gradients(
    model: keras.Model,
    config: "Model",
    task: "Task",
    batch: Batch,
    output: OutputLoss,
    *,
    on_tensor: Callable[[str], None] = lambda _: None,
) -> tuple[float, list[GradientRow]]:
    """Return the loss, and a row for dL/dz, dL/dW and dL/db of each layer.

    ``model`` is the one that is trained, in float32; a float64 copy of it is checked as well.
    """
    exact = Framework(in_float64(model), task, "float64")
    found = exact.differentiate(batch)
    by_hand = _by_hand(exact, config, batch, output)
    rounded = _float32_errors(model, config, task, batch, output)
    differences = LossDifferences(exact, batch, config.activation, output)
    rows = []
    for k, layer in enumerate(exact.dense):
        for tensor, variable in (("z", None), ("W", layer.kernel), ("b", layer.bias)):
            on_tensor(f"{layer.name} {tensor}")
            gradient = _part(found.gradients[k], tensor)
            moved = None if variable is None else _sampled(differences, variable, gradient)
            rows.append(
                GradientRow(
                    layer=layer.name,
                    tensor=f"dL/d{tensor}",
                    shape=gradient.shape,
                    norm=float(np.linalg.norm(gradient)),
                    by_hand=_measured(gradient, _part(by_hand[k], tensor)) if by_hand else None,
                    differences=moved,
                    float32=rounded[k][tensor] if rounded else None,
                )
            )
    return found.loss, rows


def _by_hand(
    framework: Framework, config: "Model", batch: Batch, output: OutputLoss
) -> list[LayerGradients] | None:
    network = textbook_network(framework.dense, config.activation, output, l2=config.l2)
    if network is None:
        return None
    masks = framework.masks(len(batch.labels))
    values = forward(network, scaled_and_flat(batch.images), masks)
    return backward(network, values, batch.targets, masks)


def _float32_errors(
    model: keras.Model, config: "Model", task: "Task", batch: Batch, output: OutputLoss
) -> list[dict[str, Measured]] | None:
    """Compare the float32 model with exact gradients for its own dropout masks."""
    framework = Framework(model, task, "float32")
    network = textbook_network(framework.dense, config.activation, output, l2=config.l2)
    if network is None:
        return None
    masks = framework.masks(len(batch.labels))
    values = forward(network, scaled_and_flat(batch.images), masks)
    targets = batch.targets
    found = framework.differentiate(batch)
    errors = forward_errors(network, values, masks)
    values = on_the_same_sides(network, values, errors, found.pre_activations, targets)
    exact = backward(network, values, targets, masks)
    bounds = gradient_errors(network, values, errors, exact, targets, masks)
    return [
        {
            tensor: Measured(
                float(np.linalg.norm(_part(got, tensor) - _part(wanted, tensor))),
                FACTOR * float(np.linalg.norm(_part(bound, tensor))),
            )
            for tensor in "zWb"
        }
        for got, wanted, bound in zip(found.gradients, exact, bounds, strict=True)
    ]


def _measured(got: Array, expected: Array) -> Measured:
    norm = max(float(np.linalg.norm(got)), float(np.linalg.norm(expected)))
    return Measured(float(np.linalg.norm(got - expected)), TOLERANCE * norm)


def _sampled(differences: LossDifferences, variable: keras.Variable, gradient: Array) -> Measured:
    flat = gradient.ravel()
    found = differences.of(variable, _sample(flat))
    measured = _measured(flat[found.indices], found.values)
    # The rounding error of a difference is absolute; it matters where all derivatives are tiny.
    return Measured(
        measured.difference,
        max(measured.allowed, found.rounding_error * np.sqrt(len(found.indices))),
        moved=len(found.indices),
        crossed=found.crossed,
    )


def _sample(gradient: Array) -> list[int]:
    """Return indices, most of them where the gradient is not zero (black pixels give zeros)."""
    rng = np.random.default_rng(0)
    nonzero = np.flatnonzero(gradient)
    chosen = rng.choice(nonzero, min(_SAMPLES, len(nonzero)), replace=False)
    others = rng.choice(gradient.size, min(_SAMPLES // 4, gradient.size), replace=False)
    return sorted({*map(int, chosen), *map(int, others)})


def _part(gradients: LayerGradients, tensor: str) -> Array:
    parts = {"z": gradients.pre_activation, "W": gradients.weights, "b": gradients.biases}
    return parts[tensor]
