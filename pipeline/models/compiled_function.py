"""Functions compiled by TensorFlow, for programs, exported signatures and checks of gradients."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def compiled_function(call: Callable[..., Any], *inputs: tf.TensorSpec, xla: bool = False) -> Any:
    """Return a ``tf.function``, for ``inputs`` alone if there are any.

    AutoGraph is off, as in Keras' own training step. It would rewrite the source of every function
    that is called, for half a second before the first step, so loops are ``tf.while_loop``.
    """
    # None is the default, which leaves the choice to devices that a file is loaded on.
    compiler = True if xla else None
    return tf.function(call, input_signature=inputs or None, jit_compile=compiler, autograph=False)
