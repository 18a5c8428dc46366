"""Change the images of a batch at random."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from pipeline.training.augmentation.displacement import Displacement
from pipeline.training.augmentation.sampling import bilinear
from pipeline.training.augmentation.strokes import change_strokes

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

    def __call__(self, images: Any, seed: Any, step: Any) -> Any:
        """Return uint8 images of the same shape (n, height, width, channels), changed."""
        draws = self.draws(len(images), seed, step)
        return tf.cast(tf.round(self.changed(images, *draws)), tf.uint8)

    def draws(self, count: int, seed: Any, step: Any) -> tuple[Any, Any]:
        """Return uniform draws, float32: (count, n) in -1 to 1, and (2,) in 0 to 1 for shares."""
        shape = (count, self._displacement.num_draws + 1)
        of_images = 2 * _uniform(shape, seed, 2 * step) - 1
        return of_images, _uniform((2,), seed, 2 * step + 1)

    def changed(self, images: Any, of_images: Any, of_shares: Any) -> Any:
        """Return images float32 in 0..255, not rounded, changed by draws."""
        deformed = 1 - self.config.undeformed
        floats = tf.cast(images, tf.float32)

        def deform(count: int) -> Any:
            y, x = self._displacement(of_images[:count, :-1])
            return bilinear(images[:count], y, x)

        floats = _partly(floats, deform, deformed, of_shares[0])
        if not self.config.stroke:
            return floats

        def restroke(count: int) -> Any:
            return change_strokes(floats[:count], of_images[:count, -1])

        return _partly(floats, restroke, deformed * self.config.stroke, of_shares[1])


def _partly(images: Any, change: Callable[[int], Any], share: float, chance: Any) -> Any:
    """Change this share of the images, the first ones: batches are in random order.

    If the share is not a whole number of images, the last of them is changed with the probability
    that remains, ``chance`` being uniform in 0 to 1.
    """
    exact = share * len(images)
    count = math.ceil(exact)
    changed = change(count)
    if count > exact:
        last = tf.where(chance < exact - (count - 1), changed[-1:], images[count - 1 : count])
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
