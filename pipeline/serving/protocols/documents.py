"""What the server says of itself: metrics, and the OpenAPI document."""

from pipeline.serving import metrics as prometheus
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.service import Service


async def metrics(service: Service, request: Request) -> Response:
    """Answer the metrics in Prometheus' text format."""
    del service, request
    return Response(prometheus.render(), content_type=prometheus.CONTENT_TYPE_LATEST.encode())


async def openapi(service: Service, request: Request) -> Response:
    """Answer the OpenAPI document."""
    from pipeline.serving.protocols.openapi import document

    del request
    return as_json(document(service))
