"""Times of inference requests, added up for each version and passed on to the metrics.

A request takes a few additions; ``pending_metrics`` passes the sums on.
"""

import time
from functools import cache

from pipeline.serving.metrics import inference_seconds, last_inference

_OK = 200
_INFERENCE = (  # ends of their routes
    *(":predict", ":explain", ":classify-image", "/infer"),
    *("grpc ModelInfer", "grpc Predict", "grpc Classify"),
)


class InferenceTimes:
    """Sums in seconds, for one version: of whole requests, and of what batches took."""

    __slots__ = ("_counters", "_gauge", "fail", "infer", "last", "queue", "success")

    def __init__(self, model: str, version: str) -> None:
        self.success = self.fail = self.queue = self.infer = self.last = 0.0
        parts = ("success", "fail", "queue", "infer")
        self._counters = {part: inference_seconds.labels(model, version, part) for part in parts}
        self._gauge = last_inference.labels(model, version)

    def add_batch(self, queue_seconds: float, infer_seconds: float) -> None:
        """Add how long all requests of a batch together waited in the queue and for inference."""
        self.queue += queue_seconds
        self.infer += infer_seconds
        self.last = time.time()

    def flush(self) -> None:
        """Pass the sums on to the metrics."""
        for part, counter in self._counters.items():
            counter.inc(getattr(self, part))
            setattr(self, part, 0.0)
        if self.last:
            self._gauge.set(self.last)


_all: list[InferenceTimes] = []


@cache
def times_of(model: str, version: str) -> InferenceTimes:
    """Return the sums of a version."""
    found = InferenceTimes(model, version)
    _all.append(found)
    return found


def is_inference(route: str) -> bool:
    """Return whether requests of a route are inference requests."""
    return route.endswith(_INFERENCE)


@cache
def _times_of_route(route: str, model: str, version: str) -> InferenceTimes | None:
    return times_of(model, version) if model and is_inference(route) else None


def add_request(route: str, model: str, version: str, status: int, seconds: float) -> None:
    """Add the time of a request, if it is an inference request for a version."""
    times = _times_of_route(route, model, version)
    if times is None:
        return
    if status == _OK:
        times.success += seconds
    else:
        times.fail += seconds


def flush() -> None:
    """Pass the sums of all versions on to the metrics of this worker."""
    for times in _all:
        times.flush()
