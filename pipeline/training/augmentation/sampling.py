"""Bilinear interpolation of images at fractional coordinates."""

from typing import Any

import tensorflow as tf


def bilinear(images: Any, y: Any, x: Any) -> Any:
    """Return uint8 images (n, height, width, channels) at y and x (n, height * width), as float32.

    Coordinates must be inside the image. Each pixel is packed with its right, lower and diagonal
    neighbor into one integer first, so that one gather finds all four.
    """
    count, (height, width, channels) = tf.shape(images)[0], images.shape[1:]
    rows = tf.range(count)[:, None] * (height * width)
    top, left = tf.floor(y), tf.floor(x)
    index = rows + tf.cast(top, tf.int32) * width + tf.cast(left, tf.int32)
    packed = tf.gather(tf.reshape(_packed(images), (-1, channels)), tf.reshape(index, (-1,)))
    here, right, below, diagonal = (
        tf.cast(tf.bitwise.bitwise_and(tf.bitwise.right_shift(packed, shift), 255), tf.float32)
        for shift in (0, 8, 16, 24)
    )
    down, across = (tf.reshape(part, (-1, 1)) for part in (y - top, x - left))
    upper = here + across * (right - here)
    lower = below + across * (diagonal - below)
    return tf.reshape(upper + down * (lower - upper), (count, height, width, channels))


def _packed(images: Any) -> Any:
    """Return int32 of the same shape; the neighbors beyond an edge are the pixels at the edge."""
    here = tf.cast(images, tf.int32)
    right = tf.concat([here[:, :, 1:], here[:, :, -1:]], axis=2)
    pair = here + right * 2**8
    below = tf.concat([pair[:, 1:], pair[:, -1:]], axis=1)
    return pair + tf.bitwise.left_shift(below, 16)
