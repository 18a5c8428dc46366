"""Triton's statistics of inference requests, from the metrics of all workers."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pipeline.serving import inference_times, metrics, pending_metrics
from pipeline.serving.service import Service
from pipeline.serving.versions import Version

_NANOSECONDS = 1_000_000_000
_MILLISECONDS = 1_000
_OK = "200"
_SUMS = {
    "pipeline_batch_images_sum": "images",
    "pipeline_batch_images_count": "batches",
    "pipeline_last_inference_timestamp_seconds": "last",
}


def describe_statistics(
    service: Service, name: str | None = None, version: str | None = None
) -> dict[str, Any]:
    """Return the statistics of a version, of all versions of a model, or of all models.

    Raises:
        ServingError: (404) there is no such model or version; (503) it is not ready.
    """
    if name and version:
        versions = [service.find(name, version)]
    elif name:
        service.find(name)
        versions = _versions(service, [name])
    else:
        versions = _versions(service, sorted(service.catalog.models))
    found = _read_metrics()
    return {"model_stats": [_row(each, found) for each in versions]}


def _versions(service: Service, names: Iterable[str]) -> list[Version]:
    models = [service.catalog.model(name) for name in names]
    return [version for model in models for _, version in sorted(model.ready.items())]


def _read_metrics() -> Counter[tuple[str, str, str]]:
    """Return sums by model, version and what they count."""
    pending_metrics.flush()
    found: Counter[tuple[str, str, str]] = Counter()
    for sample in metrics.samples():
        what = _SUMS.get(sample.name)
        if sample.name == "pipeline_inference_seconds_total":
            what = f"{sample.labels['part']} seconds"
        elif sample.name == "pipeline_requests_total" and inference_times.is_inference(
            sample.labels["route"]
        ):
            what = "success" if sample.labels["status"] == _OK else "fail"
        if what:
            found[sample.labels["model"], sample.labels["version"], what] += sample.value  # type: ignore[assignment]
    return found


def _row(version: Version, found: Counter[tuple[str, str, str]]) -> dict[str, Any]:
    def value(what: str) -> float:
        return found[version.model, version.text, what]

    def duration(count: str, part: str) -> dict[str, int]:
        return {
            "count": int(value(count)),
            "ns": round(value(f"{part} seconds") * _NANOSECONDS),
        }

    return {
        "name": version.model,
        "version": version.text,
        "last_inference": int(value("last") * _MILLISECONDS),
        "inference_count": int(value("images")),
        "execution_count": int(value("batches")),
        "inference_stats": {
            "success": duration("success", "success"),
            "fail": duration("fail", "fail"),
            "queue": duration("success", "queue"),
            "compute_input": {"count": 0, "ns": 0},
            "compute_infer": duration("success", "infer"),
            "compute_output": {"count": 0, "ns": 0},
        },
        "batch_stats": [],
    }
