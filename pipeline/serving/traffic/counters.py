"""Metrics of splits, copies and the sample log; label values come from options and models."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from pipeline.serving.metrics import registry

split_requests = Counter(
    "pipeline_split_requests",
    "Requests that --split gave to a label; with the outcome fallback, the default version "
    "answered instead.",
    ["model", "label", "version", "outcome"],
    registry=registry,
)


@cache
def split_counter(model: str, label: str, version: str, outcome: str) -> Counter:
    """Return one of the counters of splits; finding it takes longer than counting."""
    return split_requests.labels(model, label, version, outcome)


shadow_images = Counter(
    "pipeline_shadow_images",
    "Images of copied requests: agreed, disagreed, dropped (the server was busy), failed (the "
    "version raised an error), skipped (the label has no other version that is ready).",
    ["model", "label", "version", "outcome"],
    registry=registry,
)
shadow_difference = Histogram(
    "pipeline_shadow_difference",
    "Largest difference between the outputs of the two versions, for each compared image.",
    ["model", "label", "version"],
    buckets=(1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.25, 0.5, 1),
    registry=registry,
)
shadow_max_difference = Gauge(
    "pipeline_shadow_max_difference",
    "Largest difference between the outputs of the two versions, over all compared images.",
    ["model", "label", "version"],
    multiprocess_mode="max",
    registry=registry,
)
sampled_images = Counter(
    "pipeline_sampled_images",
    "Images of sampled requests: written, or dropped (too many, or the disk does not accept them).",
    ["outcome"],
    registry=registry,
)
sample_log_failing = Gauge(
    "pipeline_sample_log_failing",
    "1 while samples cannot be written, else 0.",
    multiprocess_mode="livemax",
    registry=registry,
)
