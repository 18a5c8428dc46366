"""Dropout in the compiled program: masks that XLA draws fast, for the columns of a worker.

For Keras' layer, XLA draws with Philox, which takes a third or more of the training step of a small
network on a CPU. It computes Threefry (Salmon et al., "Parallel random numbers: as easy as 1, 2,
3", 2011) with vector instructions, in a tenth of that time.
"""

from typing import Any

import keras
import tensorflow as tf

from pipeline.models.compiled_function import compiled_function
from pipeline.training.distributed.columns import Columns


class ColumnDropout(keras.layers.Layer):  # type: ignore[misc]
    """Applies a layer ``Dropout`` to rows of a batch: the mask is drawn for the whole batch."""

    def __init__(self, dropout: keras.layers.Dropout, columns: Columns) -> None:
        """Draw with the generator of ``dropout``, whose state is that of all workers."""
        super().__init__(name=f"columns_of_{dropout.name}", dtype=dropout.dtype_policy)
        self._dropout, self._columns = dropout, columns
        # TensorFlow has no Threefry on a CPU, so XLA draws in a graph too.
        self._draw = compiled_function(self._draw_mask, xla=True)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs (count, ...), in training with some of them set to zero.

        Those that remain are divided by the probability of that.
        """
        if not training:
            return inputs
        seed = tf.cast(self._dropout.seed_generator.next(), tf.int32)
        remains = self._columns.of(self._draw(seed, tuple(inputs.shape[1:])))
        # A Python number would be cast to float32 before it becomes float64.
        scaled = inputs / tf.constant(1 - self._dropout.rate, inputs.dtype)
        return tf.where(remains, scaled, tf.zeros((), inputs.dtype))

    def _draw_mask(self, seed: Any, units: tuple[int, ...]) -> Any:
        """Return whether a unit remains, for each image of a batch: bool (batch_size, *units)."""
        shape = (self._columns.batch_size, *units)
        numbers = tf.random.stateless_uniform(shape, seed, alg="threefry")
        return numbers >= self._dropout.rate


def with_column_dropout(model: keras.Model, columns: Columns) -> keras.Model:
    """Return a model of the same layers, for the columns of a worker in training."""

    def replaced(layer: keras.layers.Layer) -> keras.layers.Layer:
        return ColumnDropout(layer, columns) if isinstance(layer, keras.layers.Dropout) else layer

    return keras.models.clone_model(model, clone_function=replaced)
