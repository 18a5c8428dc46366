"""Dropout of the compiled program: which units remain, and what they are worth."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.training.distributed.columns import Columns
from pipeline.training.dropout import ColumnDropout, with_column_dropout

pytestmark = pytest.mark.tensorflow

BATCH, UNITS = 200, 300


def new_dropout(
    rate: float, seed: int = 3, columns: Columns | None = None, dtype: str = "float32"
) -> ColumnDropout:
    dropout = keras.layers.Dropout(rate, seed=seed, dtype=dtype)
    return ColumnDropout(dropout, columns or Columns(BATCH))


def ones(layer: ColumnDropout, count: int = BATCH, dtype: str = "float32") -> Any:
    return layer(np.ones((count, UNITS), dtype), training=True).numpy()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_share_of_dropped_units_and_the_scale_of_others(rate: float, dtype: str) -> None:
    outputs = ones(new_dropout(rate, dtype=dtype), dtype=dtype)
    remaining = np.ones((), dtype) / np.asarray(1 - rate, dtype)
    assert outputs.dtype == dtype
    assert list(np.unique(outputs)) == [0, remaining]
    sigma = np.sqrt(rate * (1 - rate) / outputs.size)
    assert abs(np.mean(outputs == 0) - rate) < 5 * sigma


def test_masks_of_steps_layers_and_units_are_independent() -> None:
    layer = new_dropout(0.2)
    masks = [ones(layer) == 0, ones(layer) == 0, ones(new_dropout(0.2, seed=4)) == 0]
    pairs = [(masks[0], masks[1]), (masks[0], masks[2]), (masks[0][1:], masks[0][:-1])]
    pairs.append((masks[0][:, 1:], masks[0][:, :-1]))
    for one, other in pairs:
        assert abs(np.mean(one & other) - 0.04) < 5 * np.sqrt(0.04 * 0.96 / one.size)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_compilers_draw_the_same_masks(dtype: str) -> None:
    """A graph is used where XLA cannot compile the network, and for bfloat16."""
    inputs = tf.ones((BATCH, UNITS), dtype)
    found = []
    for jit_compile in (True, False):
        layer = new_dropout(0.3, dtype=dtype)
        call = tf.function(lambda x, of=layer: of(x, training=True), jit_compile=jit_compile)
        found.append([np.asarray(call(inputs)) for _ in range(3)])
    assert found[0][0].dtype == inputs.dtype.as_numpy_dtype
    assert all(map(np.array_equal, *found))
    assert not np.array_equal(found[0][0], found[0][1])


def test_columns_have_the_masks_of_the_whole_batch() -> None:
    whole = ones(new_dropout(0.3))
    for rank in range(3):
        columns = Columns(BATCH, rank, 3)
        own = ones(new_dropout(0.3, columns=columns), columns.count)
        positions = columns.positions().numpy()
        there = positions < BATCH
        assert np.array_equal(own[there], whole[positions[there]])


def test_gradient_is_that_of_the_mask() -> None:
    layer, inputs = new_dropout(0.3), tf.ones((BATCH, UNITS))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
    assert np.array_equal(tape.gradient(outputs, inputs), outputs)


def test_nothing_is_dropped_outside_training() -> None:
    model = keras.Sequential(
        [keras.Input((UNITS,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)]
    )
    replaced = with_column_dropout(model, Columns(BATCH))
    inputs = np.ones((BATCH, UNITS), np.float32)
    assert np.array_equal(replaced(inputs), model(inputs))
    assert not np.array_equal(replaced(inputs, training=True), model(inputs))
