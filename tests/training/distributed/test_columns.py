"""The columns of all workers are a partition of each batch."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.augment_schema import Augment
from pipeline.training.augmentation import Augmentation
from pipeline.training.distributed.columns import Columns

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(("size", "workers"), [(12, 1), (12, 4), (13, 4), (15, 4), (4, 4), (5, 2)])
def test_columns_partition_a_batch(size: int, workers: int) -> None:
    rows = tf.reshape(tf.range(1, 2 * size + 1), (size, 2))
    parts = [Columns(size, rank, workers) for rank in range(workers)]
    assert {part.count for part in parts} == {-(-size // workers)}
    own = [part.of(rows).numpy() for part in parts]
    for part, values in zip(parts, own, strict=True):
        positions = part.positions().numpy()
        expected = [rows[p] if p < size else (0, 0) for p in positions]
        np.testing.assert_array_equal(values, expected)
    for limit in range(size + 1):
        counts = [part.below(limit) for part in parts]
        assert counts == [int(np.sum(part.positions().numpy() < limit)) for part in parts]
        assert sum(counts) == limit
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("undeformed", [0.0, 0.35, 0.95])
def test_images_are_changed_as_in_the_whole_batch(workers: int, undeformed: float) -> None:
    changes = Augment(rotation=20, elastic=2.0, stroke=0.6, undeformed=undeformed)
    augmentation = Augmentation(changes, (28, 28, 1))
    images = np.random.default_rng(0).integers(0, 256, (13, 28, 28, 1), np.uint8)
    for step in range(3):
        whole = augmentation(tf.constant(images), 7, step).numpy()
        for rank in range(workers):
            columns = Columns(13, rank, workers)
            own = augmentation(columns.of(tf.constant(images)), 7, step, columns).numpy()
            valid = columns.positions().numpy() < 13
            np.testing.assert_array_equal(own[valid], whole[rank::workers])
