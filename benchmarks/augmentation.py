"""Images of MNIST's size that are changed per CPU-second: ``python -m benchmarks.augmentation``."""

import time
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.config.augment_schema import Augment
from pipeline.training.augmentation import Augmentation

BATCH, STEPS, SHAPE = 512, 300, (28, 28, 1)
EVERYTHING = Augment(
    rotation=15,
    scale=0.2,
    shear=0.2,
    translation=1.5,
    elastic=1.4,
    stroke=0.5,
    undeformed=0.15,
)


def main() -> None:
    """Measure the CPU time of all processors, which other processes affect little."""
    change = Augmentation(EVERYTHING, SHAPE)
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (BATCH, *SHAPE), np.uint8))

    def steps(count: Any) -> Any:
        step, total = tf.constant(0, tf.int64), tf.constant(0, tf.int64)
        while step < count:  # the sum keeps XLA from leaving anything out
            total += tf.reduce_sum(tf.cast(change(images, 0, step), tf.int64))
            step += 1
        return total

    compiled = tf.function(steps, jit_compile=True)
    compiled(tf.constant(1, tf.int64))
    began = time.process_time()
    compiled(tf.constant(STEPS, tf.int64)).numpy()
    seconds = time.process_time() - began
    print(f"{BATCH * STEPS / seconds:,.0f} images per CPU-second")


if __name__ == "__main__":
    main()
