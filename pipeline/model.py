"""Configuration -> Keras model: bytes in, scaled inside, dense layers, softmax out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from pipeline.errors import ConfigError
from pipeline.export.contract import INPUT, OUTPUTS
from pipeline.names import hint

if TYPE_CHECKING:
    from pipeline.config.schema import Model

LOGITS = "logits"


@dataclass(frozen=True)
class LayerSummary:
    """One row of a model's description; the shape is without the batch axis."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def build_model(
    config: "Model", *, image_shape: tuple[int, int, int], num_classes: int
) -> keras.Model:
    """Return a model from uint8 images (n, *image_shape) to float32 probabilities (n, num_classes).

    x^(0) = image / 255, z^(k+1) = W^(k) x^(k) + b^(k), x^(k) = activation(z^(k)),
    f(x) = SoftMax(z) (lecture "Neural Networks: Basics", fully connected networks).

    Raises:
        ConfigError: Keras knows no such activation or initialiser.
    """
    _check(config)
    image = keras.Input(image_shape, dtype="uint8", name=INPUT)
    x = keras.layers.Rescaling(1 / 255, name="scale")(image)
    x = keras.layers.Flatten(name="flatten")(x)
    for number, units in enumerate(config.hidden, start=1):
        x = _dense(config, units, f"hidden_{number}", config.activation)(x)
        if config.dropout:
            x = keras.layers.Dropout(config.dropout, name=f"dropout_{number}")(x)
    logits = _dense(config, num_classes, LOGITS, "linear")(x)
    output = OUTPUTS["multiclass"]
    return keras.Model(image, keras.layers.Softmax(name=output)(logits), name="classifier")


def logits_model(model: keras.Model) -> keras.Model:
    """Return the model up to its logits; it shares the weights. Training takes its loss there."""
    return keras.Model(model.input, model.get_layer(LOGITS).output, name="logits_of_classifier")


def summarize(model: keras.Model) -> list[LayerSummary]:
    """Return one row a layer: name, class, output shape without batch, number of parameters."""
    return [
        LayerSummary(
            layer.name,
            type(layer).__name__,
            tuple(layer.output.shape[1:]),
            layer.count_params(),
        )
        for layer in model.layers
    ]


def _dense(config: "Model", units: int, name: str, activation: str) -> keras.layers.Dense:
    return keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer=config.initializer,
        kernel_regularizer=keras.regularizers.L2(config.l2) if config.l2 else None,
        name=name,
    )


def _check(config: "Model") -> None:
    _check_name("model.activation", config.activation, keras.activations)
    _check_name("model.initializer", config.initializer, keras.initializers)


def _check_name(key: str, name: str, module: Any) -> None:
    try:
        module.get(name)
    except (ValueError, TypeError) as error:
        known = [known for known in vars(module) if known.islower() and known[0] != "_"]
        helpers = {"get", "serialize", "deserialize"}
        raise ConfigError(
            f"{key} must be a name that Keras knows; got {name!r}. "
            f"{hint(name, set(known) - helpers)}"
        ) from error
