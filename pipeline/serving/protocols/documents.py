"""The server's metrics."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily

from pipeline.serving import metrics as prometheus
from pipeline.serving import pending_metrics
from pipeline.serving.http.messages import Request, Response
from pipeline.serving.service import Service


async def metrics(service: Service, request: Request) -> Response:
    """Return the metrics in Prometheus' text format."""
    del request
    pending_metrics.flush()
    text = prometheus.render(*_drift(service))
    return Response(text, content_type=prometheus.CONTENT_TYPE_LATEST.encode())


def _drift(service: Service) -> Iterator[GaugeMetricFamily]:
    """Yield the metrics of drift, of the versions that are ready."""
    labels = ["model", "version"]
    index = GaugeMetricFamily(
        "pipeline_drift_psi",
        "Population stability index of the last answers against those to the test set.",
        labels=[*labels, "measure"],
    )
    window = GaugeMetricFamily(
        "pipeline_drift_answers", "Answers that the index is computed from.", labels=labels
    )
    models = service.catalog.models.values()
    for version in (version for model in models for version in model.ready.values()):
        if (found := version.answers.drift()) is None:
            continue
        named = [version.model, version.text]
        window.add_metric(named, found.window)
        for measure, value in found.indices.items():
            if value is not None:
                index.add_metric([*named, measure], value)
    yield index
    yield window
