"""The scores of the best constant prediction, with which those of a network are compared."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Task

_CACHED = 16  # splits: a study evaluates hundreds of networks on the same three


def baseline_scores(
    task: Task,
    training: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    class_names: tuple[str, ...],
    units: int,
) -> dict[str, float]:
    """Return the scores of the constant of the ``training`` labels (m,) for ``labels`` (n,).

    ``units`` is the number of outputs of the network.
    """
    named = task.name, task.output_name, task.loss_name
    arrays = training.dtype.str, training.tobytes(), labels.tobytes()
    return dict(_scores(named, *arrays, class_names, units))


@lru_cache(_CACHED)
def _scores(
    named: tuple[str, str, str],
    dtype: str,
    training: bytes,
    labels: bytes,
    class_names: tuple[str, ...],
    units: int,
) -> dict[str, float]:
    task, expected = task_named(*named), np.frombuffer(labels, dtype)
    constant = task.baseline(np.frombuffer(training, dtype), units)
    predictions = np.broadcast_to(constant, (len(expected), units))
    return task.evaluate(predictions, expected, class_names).scores
