"""The route table: which handler serves which path."""

from collections.abc import Iterator

from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.http.routing import Route, Router
from pipeline.serving.protocols import (
    documents,
    explaining,
    inference_v2,
    page,
    pictures,
    published,
    tensorflow,
    triton,
)
from pipeline.serving.protocols.openapi import document
from pipeline.serving.service import Service

_VERSIONS = ("", "/versions/{version}")
_VERSIONS_AND_LABELS = (*_VERSIONS, "/labels/{label}")


def _routes() -> Iterator[Route]:
    for where in _VERSIONS_AND_LABELS:
        model = "/v1/models/{name}" + where
        yield Route("POST", f"{model}:predict", tensorflow.predict)
        yield Route("POST", f"{model}:classify-image", pictures.classify_image)
        yield Route("POST", f"{model}:explain", explaining.explain)
        yield Route("POST", f"{model}:{{verb}}", tensorflow.unsupported_verb)
        yield Route("GET", f"{model}/metadata", tensorflow.metadata)
        yield Route("GET", f"{model}/examples", published.examples)
        yield Route("GET", f"{model}/{{document}}", published.document)
        yield Route("GET", model, tensorflow.status)
    yield Route("GET", "/v1/models", tensorflow.models)
    yield Route("GET", "/v2/models/stats", triton.all_statistics)
    for where in _VERSIONS:
        model = "/v2/models/{name}" + where
        yield Route("GET", f"{model}/config", triton.config)
        yield Route("GET", f"{model}/stats", triton.statistics)
        yield Route("POST", f"{model}/infer", inference_v2.infer)
        yield Route("GET", f"{model}/ready", inference_v2.model_ready)
        yield Route("GET", model, inference_v2.model_metadata)
    yield Route("GET", "/v2/models", tensorflow.models)
    yield Route("POST", "/v2/repository/index", triton.index)
    yield Route("POST", "/v2/repository/models/{name}/load", triton.load)
    yield Route("POST", "/v2/repository/models/{name}/unload", triton.unload)
    yield Route("GET", "/v2/health/live", inference_v2.live, open=True)
    yield Route("GET", "/v2/health/ready", inference_v2.ready, open=True)
    yield Route("GET", "/v2", inference_v2.server_metadata)
    yield Route("GET", "/metrics", documents.metrics)
    yield Route("GET", "/monitoring/prometheus/metrics", documents.metrics)
    yield Route("GET", "/openapi.json", openapi)
    yield Route("GET", "/", page.index, open=True)
    yield Route("GET", "/page/{file}", page.file, open=True)


async def openapi(service: Service, request: Request) -> Response:
    """Return the OpenAPI document."""
    del request
    if service.openapi is None:
        service.openapi = as_json(document(service, ROUTER.routes)).body
    return Response(service.openapi)


ROUTER = Router(_routes())
