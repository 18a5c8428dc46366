"""GFLOP/s of a product of two 2048x2048 matrices: the arithmetic limit of this machine."""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

SIZE, REPEATS = 2048, 9


def main() -> None:
    """Print the medians for float32 and bfloat16, as a TensorFlow graph (oneDNN) and in XLA."""
    found = {}
    for dtype in (tf.float32, tf.bfloat16):
        a, b = (tf.cast(tf.random.normal((SIZE, SIZE)), dtype) for _ in range(2))
        for name, xla in (("graph", False), ("XLA", True)):
            product = tf.function(lambda a, b: tf.reduce_sum(a @ b), jit_compile=xla)
            found[f"{dtype.name} {name}"] = 2 * SIZE**3 / 1e9 / seconds(product, a, b)
    print(json.dumps(found))


def seconds(product: Callable[..., Any], a: tf.Tensor, b: tf.Tensor) -> float:
    """Return the median time of one product."""
    times = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        float(product(a, b))
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
