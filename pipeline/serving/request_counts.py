"""Requests and batches, counted as they complete and passed on to the metrics together.

A counter of Prometheus takes a microsecond, a histogram two; appending to a list takes a fraction.
``pending_metrics`` passes the values on.
"""

from functools import cache

import numpy as np
from prometheus_client import Counter, Histogram

from pipeline.serving.metrics import batch_images, observe_all, request_seconds, requests


class Tally:
    """Values put aside for a histogram, and for a counter of them if there is one."""

    __slots__ = ("_counter", "_histogram", "_values", "add")

    def __init__(self, histogram: Histogram, counter: Counter | None = None) -> None:
        self._histogram, self._counter = histogram, counter
        self._values: list[float] = []
        self.add = self._values.append
        _all.append(self)

    def flush(self) -> None:
        """Pass the values on."""
        count = len(self._values)  # another thread may add further ones
        if count:
            values = np.array(self._values[:count], np.float64)
            del self._values[:count]
            observe_all(self._histogram, values)
            if self._counter is not None:
                self._counter.inc(count)


_all: list[Tally] = []


@cache
def _of_requests(route: str, model: str, version: str, status: int) -> Tally:
    return Tally(request_seconds.labels(route), requests.labels(route, model, version, status))


@cache
def batches_of(model: str, version: str) -> Tally:
    """Return the sizes of the batches of a version."""
    return Tally(batch_images.labels(model, version))


def count_request(route: str, model: str, version: str, status: int, seconds: float) -> None:
    """Count a request; label values come from the catalog, never from clients."""
    _of_requests(route, model, version, status).add(seconds)


def flush() -> None:
    """Pass all values on to the metrics of this worker."""
    for tally in list(_all):
        tally.flush()
