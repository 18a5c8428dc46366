"""Change the images of a batch at random."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from pipeline.training.augmentation.displacement import Displacement
from pipeline.training.augmentation.sampling import bilinear
from pipeline.training.augmentation.strokes import change_strokes
from pipeline.training.distributed.columns import Columns

if TYPE_CHECKING:
    from pipeline.config.augment_schema import Augment


class Augmentation:
    """The changes of one configuration for images of one size, as operations of TensorFlow.

    The draws depend on the seed, the number of the step, and the position in the batch.
    """

    def __init__(self, config: "Augment", image_shape: tuple[int, int, int]) -> None:
        """Prepare for images (height, width, channels)."""
        self.config = config
        self._displacement = Displacement(config, image_shape[:2])

    def __call__(self, images: Any, seed: Any, step: Any, columns: Columns | None = None) -> Any:
        """Return uint8 images of the same shape (n, height, width, channels), changed.

        With ``columns``, they are those of a larger batch, and are changed as they are in it.
        """
        columns = columns or Columns(len(images))
        of_images, of_shares = self.draws(columns.batch_size, seed, step)
        changed = self.changed(images, columns.of(of_images), of_shares, columns)
        return tf.cast(tf.round(changed), tf.uint8)

    def draws(self, count: int, seed: Any, step: Any) -> tuple[Any, Any]:
        """Return uniform draws, float32: (count, n) in -1 to 1, and (2,) in 0 to 1 for shares."""
        shape = (count, self._displacement.num_draws + 1)
        of_images = 2 * _uniform(shape, seed, 2 * step) - 1
        return of_images, _uniform((2,), seed, 2 * step + 1)

    def changed(
        self, images: Any, of_images: Any, of_shares: Any, columns: Columns | None = None
    ) -> Any:
        """Return images float32 in 0..255, not rounded, changed by draws."""
        columns = columns or Columns(len(images))
        deformed = 1 - self.config.undeformed
        floats = tf.cast(images, tf.float32)

        def deform(count: int) -> Any:
            y, x = self._displacement(of_images[:count, :-1])
            return bilinear(images[:count], y, x)

        floats = _partly(floats, deform, deformed, of_shares[0], columns)
        if not self.config.stroke:
            return floats

        def restroke(count: int) -> Any:
            return change_strokes(floats[:count], of_images[:count, -1])

        return _partly(floats, restroke, deformed * self.config.stroke, of_shares[1], columns)


def _partly(
    images: Any, change: Callable[[int], Any], share: float, chance: Any, columns: Columns
) -> Any:
    """Change this share of the batch, the first images: batches are in random order.

    If the share is not a whole number of images, the last of them is changed with the probability
    that remains, ``chance`` being uniform in 0 to 1.
    """
    exact = share * columns.batch_size
    of_batch = math.ceil(exact)
    count = columns.below(of_batch)
    changed = change(count)
    if of_batch > exact and count > columns.below(of_batch - 1):
        last = tf.where(chance < exact - (of_batch - 1), changed[-1:], images[count - 1 : count])
        changed = tf.concat([changed[:-1], last], axis=0)
    return tf.concat([changed, images[count:]], axis=0)


def _uniform(shape: tuple[int, ...], seed: Any, step: Any) -> Any:
    """Return draws in 0 to 1, the same in every compiler.

    TensorFlow and XLA make other floats from the same bits of Philox, so they are made here: from
    the 24 bits that a float32 has.
    """
    where = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
    bits = tf.random.stateless_uniform(shape, where, None, None, tf.uint32, alg="philox")
    return tf.cast(tf.cast(tf.bitwise.right_shift(bits, 8), tf.int32), tf.float32) / 2**24
