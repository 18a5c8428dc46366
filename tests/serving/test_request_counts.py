"""Requests that are put aside reach the metrics, as if each had been counted on its own."""

import numpy as np
from prometheus_client import CollectorRegistry, Histogram

from pipeline.serving import metrics, pending_metrics, request_counts
from pipeline.serving.request_counts import Tally


def values(name: str, **labels: str) -> list[float]:
    return [
        sample.value
        for sample in metrics.samples()
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def test_requests_are_counted_by_route_version_and_status() -> None:
    for status, seconds in ((200, 0.002), (200, 0.004), (429, 0.0001)):
        request_counts.count_request("/counted", "m", "7", status, seconds)
    pending_metrics.flush()
    pending_metrics.flush()  # nothing is counted twice
    counts = {
        status: values("pipeline_requests_total", route="/counted", status=status, version="7")
        for status in ("200", "429")
    }
    assert counts == {"200": [2.0], "429": [1.0]}
    assert values("pipeline_request_seconds_count", route="/counted") == [3.0]
    np.testing.assert_allclose(values("pipeline_request_seconds_sum", route="/counted"), [0.0061])


def test_buckets_are_those_of_single_observations() -> None:
    registry = CollectorRegistry()
    bounds = (0.1, 0.2, 0.4)
    together = Histogram("together", "Put aside.", buckets=bounds, registry=registry)
    single = Histogram("single", "One by one.", buckets=bounds, registry=registry)
    tally = Tally(together)
    for value in (0.05, 0.1, 0.15, 0.4, 3.0):
        tally.add(value)
        single.observe(value)
    tally.flush()
    rows = {
        name: [s.value for m in registry.collect() if m.name == name for s in m.samples][:-1]
        for name in ("together", "single")
    }
    assert rows["together"] == rows["single"]


def test_sizes_of_batches_are_put_aside() -> None:
    add = request_counts.batches_of("batched", "3").add
    add(4)
    add(1)
    assert values("pipeline_batch_images_count", model="batched") in ([], [0.0])
    request_counts.flush()
    assert values("pipeline_batch_images_sum", model="batched") == [5.0]
