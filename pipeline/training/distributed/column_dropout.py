"""Dropout on the columns of a worker, with the masks that one worker would draw."""

from typing import Any

import keras

from pipeline.training.distributed.columns import Columns


class ColumnDropout(keras.layers.Layer):  # type: ignore[misc]
    """Applies a layer ``Dropout`` to rows of a batch: the mask is drawn for the whole batch."""

    def __init__(self, dropout: keras.layers.Dropout, columns: Columns) -> None:
        """Draw with the generator of ``dropout``, whose state is that of all workers."""
        super().__init__(name=f"columns_of_{dropout.name}", dtype=dropout.dtype_policy)
        self._dropout, self._columns = dropout, columns

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs (count, units), in training with some of them set to zero."""
        if not training:
            return inputs
        shape = (self._columns.batch_size, *inputs.shape[1:])
        mask = self._dropout(keras.ops.ones(shape, inputs.dtype), training=True)
        return inputs * self._columns.of(mask)


def with_column_dropout(model: keras.Model, columns: Columns) -> keras.Model:
    """Return a model of the same layers, for the columns of a worker in training."""

    def replaced(layer: keras.layers.Layer) -> keras.layers.Layer:
        return ColumnDropout(layer, columns) if isinstance(layer, keras.layers.Dropout) else layer

    return keras.models.clone_model(model, clone_function=replaced)
