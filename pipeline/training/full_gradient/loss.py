"""The compiled program of the full gradient: the mean loss over all images, and its gradient."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipeline.models.compiled_function import compiled_function
from pipeline.tasks.task import Task
from pipeline.training.network_program import GRAPH, XLA, NetworkProgram, plain

if TYPE_CHECKING:
    from pipeline.training.feed import Shard

Vector = npt.NDArray[np.float64]
CHUNK_IMAGES = 2048  # computed at once: the memory for activations does not grow with the data


@dataclass(frozen=True)
class Evaluation:
    """The mean loss with penalties, its gradient (weights,), and the summed metrics.

    ``seconds`` is the time that the program took.
    """

    loss: float
    gradient: Vector
    metric_sums: tuple[float, ...]
    seconds: float


class FullGradient(NetworkProgram):
    """L(w) = (1/n) sum_{j=1..n} loss_j(w) + penalties, and dL/dw, for all weights as one vector.

    The network computes in float32, its loss and all sums in float64.
    """

    def __init__(self, model: keras.Model, *, task: Task) -> None:
        """Use a model of the task."""
        super().__init__(model, task)
        self._exact_loss = task.loss("float64")
        self._calls = {
            XLA: compiled_function(self._compute, xla=True),
            GRAPH: compiled_function(self._compute),
        }
        model.optimizer = None  # Keras callbacks look for it there

    @property
    def num_metrics(self) -> int:
        """The number of summed metrics."""
        return len(self._metrics)

    @property
    def weights(self) -> Vector:
        """The weights of the model as one vector, float64 (weights,)."""
        arrays = [np.asarray(variable.value).ravel() for variable in self._trainable]
        return np.concatenate(arrays).astype(np.float64)

    def assign(self, weights: Vector) -> None:
        """Set the weights of the model, rounded to float32."""
        self._assign(tf.constant(weights))

    def trace(self, shard: "Shard") -> None:
        """Compile for these shapes by going over no images."""
        self._call(shard, self.weights, 0)

    def finish(self) -> None:
        """Change nothing: the weights are the result."""

    def run(self, shard: "Shard", weights: Vector) -> Evaluation:
        """Set the weights of the model, and return its loss and gradient over all images."""
        started = time.monotonic()
        chunk = min(CHUNK_IMAGES, shard.num_images)
        loss, gradient, sums = self._call(shard, weights, -(-shard.num_images // chunk))
        values = float(loss), gradient.numpy(), plain(sums)
        return Evaluation(*values, time.monotonic() - started)

    def _call(self, shard: "Shard", weights: Vector, num_chunks: int) -> Any:
        call = self._calls[self.compiler]
        return call(shard.images, shard.labels, tf.constant(weights), tf.constant(num_chunks))

    def _compute(
        self, images: Any, labels: Any, weights: Any, num_chunks: Any
    ) -> tuple[Any, Any, Any]:
        self._assign(weights)
        num_images = int(images.shape[0])
        size = min(CHUNK_IMAGES, num_images)

        def add_chunk(number: Any, *totals: Any) -> Any:
            begin = tf.minimum(number * size, num_images - size)  # the last may repeat some images
            added = self._of_chunk(
                tf.slice(images, [begin, 0, 0, 0], [size, *images.shape[1:]]),
                tf.slice(labels, [begin], [size]),
                tf.range(size) >= number * size - begin,
            )
            return number + 1, *tf.nest.map_structure(tf.add, totals, added)

        zeros = tf.constant(0.0, tf.float64), tf.zeros_like(weights), self._tensors(())
        _, loss, gradient, sums = tf.while_loop(
            lambda number, *_: number < num_chunks, add_chunk, (tf.constant(0), *zeros)
        )
        penalty, of_penalty = self._penalty()
        return loss / num_images + penalty, gradient / num_images + of_penalty, sums

    def _of_chunk(self, images: Any, labels: Any, counts: Any) -> tuple[Any, Any, Any]:
        with tf.GradientTape() as tape:
            logits = self._logits(images, training=True)
            loss = self._exact_loss(labels, logits, sample_weight=tf.cast(counts, tf.float64))
        gradient = tape.gradient(loss, self._trainable)
        return loss, _flat(gradient), self._sums(labels, logits, counts)

    def _penalty(self) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            penalty = tf.add_n([tf.constant(0.0), *self._logits.losses])
        found = tape.gradient(penalty, self._trainable)  # None for biases, which have no penalty
        pairs = zip(found, self._trainable, strict=True)
        gradient = [tf.zeros(variable.shape) if one is None else one for one, variable in pairs]
        return tf.cast(penalty, tf.float64), _flat(gradient)

    def _assign(self, weights: Any) -> None:
        sizes = [int(np.prod(variable.shape)) for variable in self._trainable]
        parts = tf.split(tf.cast(weights, tf.float32), sizes)
        for variable, part in zip(self._trainable, parts, strict=True):
            variable.assign(tf.reshape(part, variable.shape))


def _flat(gradients: list[Any]) -> Any:
    return tf.cast(tf.concat([tf.reshape(one, [-1]) for one in gradients], 0), tf.float64)
