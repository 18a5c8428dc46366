"""The fast gradient sign method: images changed so that the loss rises the fastest.

x' = clip(x + epsilon sign(dLoss/dx), 0, 1): Goodfellow, Shlens and Szegedy, "Explaining and
harnessing adversarial examples" (2015), section 4.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipeline.models.averaging import copies_of
from pipeline.models.dense import LOGITS

_SCALED = "scale"  # the layer that makes bytes numbers in 0..1
_BATCH = 1000


class FastGradientSign:
    """The method for one network and its loss."""

    def __init__(self, model: keras.Model, sum_loss: Callable[[Any, Any], Any]) -> None:
        """Take the network apart; ``sum_loss`` takes labels (n,) and logits (n, units)."""
        scaled = model.get_layer(_SCALED).output
        self.scale = keras.Model(model.input, scaled)
        self.logits = keras.Model(scaled, model.get_layer(LOGITS).output)
        self._sum_loss = sum_loss

    def __call__(self, images: Any, labels: Any, epsilon: float, *, training: bool) -> Any:
        """Return changed images, float32 0..1, of uint8 images (n, height, width, channels)."""
        scaled = self.scale(images)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(scaled)
            loss = self._sum_loss(labels, self.logits(scaled, training=training))
        step = epsilon * tf.sign(tape.gradient(loss, scaled))
        return tf.clip_by_value(scaled + step, 0.0, 1.0)


def method_of(model_file: Path, sum_loss: Callable[[Any, Any], Any]) -> FastGradientSign | None:
    """Return the method for a trained network; None for a mean of networks, which has no logits.

    Its probabilities would not do: where one is 1 in float32, its gradient is 0.
    """
    model = keras.models.load_model(model_file, compile=False, safe_mode=True)
    if LOGITS not in (layer.name for layer in model.layers):
        return None
    copies = copies_of(model)

    def of_copies(labels: Any, logits: Any) -> Any:
        """Return the loss over all shifted copies of the images, whose mean is the output."""
        return sum_loss(tf.repeat(labels, copies), logits)

    return FastGradientSign(model, sum_loss if copies == 1 else of_copies)


def attacked(
    method: FastGradientSign,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[Any],
    epsilon: float,
) -> npt.NDArray[np.uint8]:
    """Return images (n, height, width, channels), 0..255, changed in chunks."""
    changed = np.empty_like(images)
    for first in range(0, len(images), _BATCH):
        part = slice(first, first + _BATCH)
        given = tf.constant(images[part]), tf.constant(labels[part])
        changed[part] = np.rint(255 * method(*given, epsilon, training=False).numpy())
    return changed
