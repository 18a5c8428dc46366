"""Measure the prediction time and memory of a model."""

import numpy as np

from pipeline.artifacts.cost import Cost, Time
from pipeline.runtimes.predictor import Images, Predictor

BATCH_SIZES = (1, 256)
_WARM_UP_CALLS = 5  # to allocate memory and choose kernels
_UNLIMITED = 10**9
_CALLS = 200  # the 99th percentile is the third largest
_BUDGET_SECONDS = 0.3  # for each batch size


def measure(predictor: Predictor, images: Images, load_seconds: float) -> Cost:
    """Measure predictions of images, uint8 (n, height, width, channels), repeated to 256."""
    times = {size: _time(predictor, _repeat(images, size)) for size in BATCH_SIZES}
    return Cost(load_seconds, times, predictor.peak_memory_bytes())


def _time(predictor: Predictor, images: Images) -> Time:
    predictor.time_calls(images, calls=_WARM_UP_CALLS, budget_seconds=_BUDGET_SECONDS)
    if predictor.warm_up_seconds:
        predictor.time_calls(images, calls=_UNLIMITED, budget_seconds=predictor.warm_up_seconds)
    seconds = predictor.time_calls(images, calls=_CALLS, budget_seconds=_BUDGET_SECONDS)
    median, p99 = np.quantile(seconds, [0.5, 0.99]) / len(images)
    return Time(float(median), float(p99), len(seconds))


def _repeat(images: Images, count: int) -> Images:
    return np.resize(images[:count], (count, *images.shape[1:]))
