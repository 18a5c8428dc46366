"""Prometheus metrics: requests, latency, batches, answers, loaded versions, and their problems.

Several workers combine their values through files in ``PROMETHEUS_MULTIPROC_DIR``, which must be
set before this module is imported (see ``pipeline.serving.serve``).
"""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from pipeline.tasks.answers import CONFIDENCE_EDGES

__all__ = [
    "CONTENT_TYPE_LATEST",
    "answer_confidence",
    "answers",
    "batch_images",
    "count_picture",
    "inference_seconds",
    "input_intensity",
    "last_inference",
    "observe_all",
    "render",
    "report_loaded_versions",
    "report_problems",
    "request_seconds",
    "requests",
    "samples",
]

registry = _registry = CollectorRegistry()
requests = Counter(
    "pipeline_requests",
    "Completed requests.",
    ["route", "model", "version", "status"],
    registry=_registry,
)
request_seconds = Histogram(
    "pipeline_request_seconds",
    "Time from the head of a request to its response.",
    ["route"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=_registry,
)
batch_images = Histogram(
    "pipeline_batch_images",
    "Images per batch.",
    ["model", "version"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 1024),
    registry=_registry,
)
inference_seconds = Counter(
    "pipeline_inference_seconds",
    "Total time of the inference requests for a version, by part: success and fail, from head to "
    "response; queue and infer, of all requests.",
    ["model", "version", "part"],
    registry=_registry,
)
last_inference = Gauge(
    "pipeline_last_inference_timestamp_seconds",
    "When the last batch was computed, in seconds since 1970.",
    ["model", "version"],
    multiprocess_mode="max",
    registry=_registry,
)
_loaded = Gauge(
    "pipeline_version_loaded",
    "1 while a version is ready with these labels, else 0.",
    ["model", "version", "labels"],
    multiprocess_mode="livemin",
    registry=_registry,
)
_problems = Gauge(
    "pipeline_model_problems",
    "Loads that are stuck, rejected versions, and labels whose versions are not served.",
    ["model", "problem"],
    multiprocess_mode="livemax",
    registry=_registry,
)
answers = Counter(
    "pipeline_answers",
    "Answered images by predicted class; of values, the class is empty.",
    ["model", "version", "class"],
    registry=_registry,
)
answer_confidence = Histogram(
    "pipeline_answer_confidence",
    "Probability of the predicted class.",
    ["model", "version"],
    buckets=CONFIDENCE_EDGES,
    registry=_registry,
)
input_intensity = Histogram(
    "pipeline_input_intensity",
    "Mean of the pixels of an image, 0 to 1.",
    ["model", "version"],
    buckets=(0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    registry=_registry,
)
_pictures = Counter(
    "pipeline_pictures",
    "Answered pictures by outcome: sure, or the reason for doubt.",
    ["model", "version", "outcome"],
    registry=_registry,
)
_reported: set[tuple[str, str, str]] = set()
_problem_counts: dict[tuple[str, str], int] = {}


def count_picture(model: str, version: str, outcome: str) -> None:
    """Count a picture that was answered."""
    _pictures.labels(model, version, outcome).inc()


def observe_all(histogram: Histogram, values: npt.NDArray[np.floating]) -> None:
    """Add values to a histogram: ``observe`` takes a microsecond for each of them.

    ``_buckets``, ``_sum`` and ``_upper_bounds`` are not public; a test compares with ``observe``.
    """
    buckets: Any = histogram
    found = np.searchsorted(buckets._upper_bounds, values)
    counts = np.bincount(found)
    for index in np.flatnonzero(counts):
        buckets._buckets[index].inc(float(counts[index]))
    buckets._sum.inc(float(values.sum(dtype=np.float64)))


def report_loaded_versions(loaded: dict[tuple[str, str], str]) -> None:
    """Set the loaded versions: (model, version) -> comma-separated labels; others become 0."""
    now = {(model, version, labels) for (model, version), labels in loaded.items()}
    for gone in _reported - now:
        _loaded.labels(*gone).set(0)
    for here in now:
        _loaded.labels(*here).set(1)
    _reported.update(now)


def report_problems(counts: dict[tuple[str, str], int]) -> None:
    """Set the number of problems: (model, problem) -> count; those of others become 0."""
    for key in {**_problem_counts, **counts}:
        count = counts.get(key, 0)
        if _problem_counts.get(key) != count:
            _problems.labels(*key).set(count)
            _problem_counts[key] = count


def render(*computed: Metric) -> bytes:
    """Return the metrics of all workers, and others, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Computed(computed))
    return generate_latest(_of_all_workers()) + generate_latest(registry)


class _Computed(Collector):
    """Metrics that are computed only when they are read."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._metrics


def samples() -> Iterator[Sample]:
    """Yield the values of all metrics, those of all workers together."""
    for metric in _of_all_workers().collect():
        yield from metric.samples


def _of_all_workers() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return _registry
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together
