"""The gradients of the framework: the model and the loss that are trained, compiled.

The masks of dropout are drawn by Keras' layer; the training draws others (``training.dropout``),
and has a test that their gradient is the mask.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipeline.models.compiled_function import compiled_function
from pipeline.models.dense import logits_model
from pipeline.tasks.task import Task
from pipeline.textbook.activations import Array
from pipeline.textbook.backpropagation import LayerGradients


@dataclass(frozen=True)
class Batch:
    """Images, uint8 (n, height, width, channels) 0..255, and labels (n,), int64 or float32."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[Any]

    @property
    def targets(self) -> Array:
        """The labels in float64."""
        return self.labels.astype(np.float64)


@dataclass(frozen=True)
class Pass:
    """The loss, z of each dense layer (n, units), and the gradients of each dense layer."""

    loss: float
    pre_activations: list[Array]
    gradients: list[LayerGradients]


class Framework:
    """A model with the loss of its task; the masks of its dropout layers are drawn once."""

    def __init__(self, model: keras.Model, task: Task, precision: str) -> None:
        """Draw the seeds of the dropout layers; ``precision`` is that of the model."""
        self._model = logits_model(model)
        self._sum_loss = task.loss(precision)
        layers = self._model.layers
        self.dense = [layer for layer in layers if isinstance(layer, keras.layers.Dense)]
        self._dropouts = [layer for layer in layers if isinstance(layer, keras.layers.Dropout)]
        self._seeds = [layer.seed_generator.state.numpy() for layer in self._dropouts]
        self._differentiate = compiled_function(self._differentiated, xla=True)
        self._draw_masks = compiled_function(self._drawn_masks, xla=True)
        self._compute = compiled_function(self._computed, xla=True)

    def masks(self, num_images: int) -> list[Array] | None:
        """Return the mask of each dropout layer (n, units): 0, or 1 / (1 - rate)."""
        if not self._dropouts:
            return None
        self._restore_seeds()
        return [_plain(mask) for mask in self._draw_masks(num_images)]

    def differentiate(self, batch: Batch) -> Pass:
        """Return loss, z and gradients, computed in the precision of the model."""
        self._restore_seeds()
        loss, z, dz, dw, db = self._differentiate(batch.images, batch.labels)
        triples = zip(dz, dw, db, strict=True)
        gradients = [LayerGradients(*(_plain(tensor) for tensor in triple)) for triple in triples]
        return Pass(float(loss), [_plain(value) for value in z], gradients)

    def compute(self, batch: Batch) -> tuple[float, list[Array]]:
        """Return the loss and z of each dense layer, for the current weights."""
        self._restore_seeds()
        loss, z = self._compute(batch.images, batch.labels)
        return float(loss), [_plain(value) for value in z]

    def _drawn_masks(self, num_images: int) -> list[Any]:
        """Drop out ones; compiled like the rest, as XLA draws other numbers than TensorFlow."""
        return [
            layer(tf.ones((num_images, *layer.input.shape[1:]), layer.compute_dtype), training=True)
            for layer in self._dropouts
        ]

    def _restore_seeds(self) -> None:
        for layer, seed in zip(self._dropouts, self._seeds, strict=True):
            layer.seed_generator.state.assign(seed)

    def _differentiated(self, images: Any, labels: Any) -> tuple[Any, ...]:
        weights = [layer.kernel.value for layer in self.dense]
        biases = [layer.bias.value for layer in self.dense]
        with tf.GradientTape() as tape:
            loss, z = self._computed(images, labels)
        return loss, z, *tape.gradient(loss, (z, weights, biases))

    def _computed(self, images: Any, labels: Any) -> tuple[Any, list[Any]]:
        with _recorded(self.dense) as z:
            logits = self._model(images, training=True)
        data_loss = self._sum_loss(labels, logits) / tf.cast(tf.shape(labels)[0], logits.dtype)
        return tf.add_n([data_loss, *self._model.losses]), z


@contextmanager
def _recorded(layers: Sequence[keras.layers.Dense]) -> Iterator[list[Any]]:
    """Collect the values that the layers pass to their activations."""
    values: list[Any] = []

    def recording(activation: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(z: Any) -> Any:
            values.append(z)
            return activation(z)

        return call

    activations = [layer.activation for layer in layers]
    for layer in layers:
        layer.activation = recording(layer.activation)
    try:
        yield values
    finally:
        for layer, activation in zip(layers, activations, strict=True):
            layer.activation = activation


def _plain(tensor: Any) -> Array:
    return np.asarray(tensor, np.float64)
