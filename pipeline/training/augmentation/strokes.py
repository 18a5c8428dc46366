"""Make light strokes on dark thicker or thinner."""

from typing import Any

import tensorflow as tf

_WHITE = 255.0
_STRENGTH = 0.4  # of white: at 1, strokes lose most of a pixel; at -1, they gain one


def change_strokes(images: Any, draws: Any) -> Any:
    """Return gray images float32 (n, height, width, 1) in 0..255, changed by draws (n,) in -1..1.

    An image v becomes clip(v + mean_3x3(v) - 255 * 0.4 * (1 + draw), 0, 255): at 1 thinner, at -1
    thicker, with black beyond the edges.
    """
    height, width = images.shape[1:3]
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = sum(padded[:, n : n + height] for n in range(3))
    mean = sum(rows[:, :, n : n + width] for n in range(3)) / 9
    less = _WHITE * _STRENGTH * (1 + draws)
    return tf.clip_by_value(images + mean - less[:, None, None, None], 0, _WHITE)
