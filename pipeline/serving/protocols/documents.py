"""The server's metrics."""

from pipeline.serving import inference_times
from pipeline.serving import metrics as prometheus
from pipeline.serving.http.messages import Request, Response
from pipeline.serving.service import Service


async def metrics(service: Service, request: Request) -> Response:
    """Return the metrics in Prometheus' text format."""
    del service, request
    inference_times.flush()
    return Response(prometheus.render(), content_type=prometheus.CONTENT_TYPE_LATEST.encode())
