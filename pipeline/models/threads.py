"""The number of threads that TensorFlow's operations use, which its results depend on.

A sum that is divided among several threads is rounded differently: with one thread, results are
those of a machine with one core. The setting also applies to the programs of XLA.
"""

import os
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.system.tensorflow_import import tensorflow_import

if TYPE_CHECKING:
    from pipeline.config.schema import Config

_DEFAULT = 0  # TensorFlow's own name for one thread per core


def use_threads(config: "Config") -> None:
    """Set the number of threads of this process to ``train.threads``.

    TensorFlow allows this only before its first operation.

    Raises:
        ConfigError: TensorFlow has started with another number.
    """
    with tensorflow_import():
        import tensorflow as tf

    wanted = config.train.threads or _DEFAULT
    current = tf.config.threading.get_intra_op_parallelism_threads()
    if _number(wanted) == _number(current):
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(wanted)
    except RuntimeError as error:
        raise ConfigError(
            f"train.threads is {_described(wanted)} in {config.place_of('train.threads')}, but "
            f"TensorFlow has started in this process with {_described(current)}, and cannot "
            "change that number later. Run this configuration in a new process, or set "
            f"train.threads={current or 'null'}."
        ) from error


def _number(setting: int) -> int:
    """Return the number of threads; TensorFlow's default is one for each core it may use."""
    if setting != _DEFAULT:
        return setting
    has_affinity = hasattr(os, "sched_getaffinity")  # not on macOS
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1


def _described(number: int) -> str:
    if number == _DEFAULT:
        return "null (one thread per core)"
    return str(number)
