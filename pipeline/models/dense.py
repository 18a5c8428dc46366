"""Configuration -> Keras model: uint8 in, scaling, dense layers, the output of the task."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import keras
import numpy as np

from pipeline.artifacts.model_contract import INPUT
from pipeline.artifacts.stage_facts import LayerSummary
from pipeline.errors import ConfigError, sentence
from pipeline.models.layer_functions import check_names
from pipeline.models.standardization import Standardization
from pipeline.system.resources import memory_bytes
from pipeline.tasks.task import Task

if TYPE_CHECKING:
    from pipeline.config.schema import Model

LOGITS = "logits"


def build_model(
    config: "Model",
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    task: Task,
    precision: str = "float32",
    standardization: Standardization | None = None,
) -> keras.Model:
    """Return a model from uint8 images (n, *image_shape) to the output of the task, float32.

    x^(0) = image / 255, z^(k+1) = W^(k) x^(k) + b^(k), x^(k) = activation(z^(k)),
    f(x) = output(z) (lecture "Neural Networks: Basics", fully connected networks).
    ``precision`` is Keras' dtype policy of the hidden layers; weights and logits are float32.
    With ``standardization``, x^(0) is standardized: such a network is only trained, and its weights
    are folded afterwards.

    Raises:
        ConfigError: the activation or the initializer is unknown to Keras.
    """
    check_names(config)
    units = task.output(num_classes).shape[-1]
    assert isinstance(units, int), "only the batch axis is free"
    _check_memory(config, math.prod(image_shape), units)
    try:
        return _build(config, image_shape, units, task, precision, standardization)
    except Exception as error:  # whatever the chosen function raises
        raise _cannot_compute(config, error) from error


def _build(
    config: "Model",
    image_shape: tuple[int, int, int],
    units: int,
    task: Task,
    precision: str,
    standardization: Standardization | None,
) -> keras.Model:
    image = keras.Input(image_shape, dtype="uint8", name=INPUT)
    x = keras.layers.Rescaling(1 / 255, name="scale")(image)
    if standardization is not None:
        x = standardization.layer()(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for number, width in enumerate(config.hidden, start=1):
        name = f"hidden_{number}"
        x = _dense(config, width, name, config.activation, config.initializer, precision)(x)
        if config.dropout:
            x = keras.layers.Dropout(config.dropout, name=f"dropout_{number}", dtype=precision)(x)
    last = config.output_initializer or config.initializer
    x = _dense(config, units, LOGITS, "linear", last, "float32")(x)
    for layer in task.output_layers():
        x = layer(x)
    return keras.Model(image, x, name=task.name)


def logits_model(model: keras.Model) -> keras.Model:
    """Return the model up to its logits, with shared weights; the training loss is taken there."""
    return keras.Model(model.input, model.get_layer(LOGITS).output, name=f"logits_of_{model.name}")


def in_float64(model: keras.Model) -> keras.Model:
    """Return a copy of a model with the same weights that computes in float64 throughout."""

    def converted(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = {**layer.get_config(), "dtype": "float64"}
        if isinstance(layer, keras.layers.Rescaling):
            config["scale"] = np.float64(config["scale"])  # a Python float would be cast to float32
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=converted)
    copy.set_weights(model.get_weights())
    return copy


def summarize(model: keras.Model) -> list[LayerSummary]:
    """Return one row per layer: name, class, output shape without batch, number of parameters.

    Operations that are no layers, such as ``Take``, have rows too.
    """
    return [
        LayerSummary(
            layer.name,
            type(layer).__name__,
            tuple(layer.output.shape[1:]),
            layer.count_params() if isinstance(layer, keras.layers.Layer) else 0,
        )
        for layer in model.operations
    ]


def _dense(
    config: "Model", units: int, name: str, activation: str, initializer: str, precision: str
) -> keras.layers.Dense:
    return keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer=initializer,
        kernel_regularizer=keras.regularizers.L2(config.l2) if config.l2 else None,
        name=name,
        dtype=precision,
    )


_COPIES = 5  # weights, gradient, two slots of an optimizer like Adam, one temporary


def _check_memory(config: "Model", inputs: int, outputs: int) -> None:
    widths = [inputs, *config.hidden, outputs]
    parameters = sum((a + 1) * b for a, b in pairwise(widths))
    needed, there = parameters * 4 * _COPIES, memory_bytes()
    if needed > there:
        raise ConfigError(
            "The network does not fit into memory: with model.hidden "
            f"{list(config.hidden)}, it has {parameters:,} parameters and needs about "
            f"{needed / 2**30:,.0f} GiB to train; this machine has {there / 2**30:,.0f} GiB. "
            "Choose fewer units."
        )


def check_model(model: keras.Model, config: "Model") -> None:
    """Predict one black image: some activations and initializers fail only then.

    Raises:
        ConfigError: the network cannot compute.
    """
    try:
        shape = model(np.zeros((1, *model.input_shape[1:]), np.uint8)).shape
    except Exception as error:  # whatever the chosen function raises
        raise _cannot_compute(config, error) from error
    if tuple(shape) != (1, model.output_shape[-1]):
        raise _cannot_compute(config, ValueError(f"the output has the shape {tuple(shape)}."))


def _cannot_compute(config: "Model", error: Exception) -> ConfigError:
    return ConfigError(
        f"Keras cannot compute the network with the activation {config.activation!r} and the "
        f"initializer {config.initializer!r}: {sentence(error)} Choose others, for example relu "
        "and glorot_uniform."
    )
