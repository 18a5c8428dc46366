"""The Open Inference Protocol V2 over HTTP, with binary tensors.

Source: Open Inference Protocol, ``inference_rest.md``; Triton, ``extension_binary_data.md`` and
``extension_parameters.md``.
"""

import time
from typing import Any

import orjson

from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.protocols import v2_metadata
from pipeline.serving.protocols.paths import choose_version, find_version
from pipeline.serving.protocols.v2_body import read_infer, split
from pipeline.serving.protocols.v2_request import InferenceRequest
from pipeline.serving.protocols.v2_tensors import DATATYPES
from pipeline.serving.service import Service
from pipeline.serving.versions import Version

_JSON_LENGTH = b"inference-header-content-length"


async def live(service: Service, request: Request) -> Response:
    """Report that the server process is alive."""
    del service, request
    return as_json({"live": True})


async def ready(service: Service, request: Request) -> Response:
    """Report whether the server is ready for requests."""
    del request
    document = {"ready": service.ready, "live": True}
    return as_json(document, 200 if service.ready else 503)


async def server_metadata(service: Service, request: Request) -> Response:
    """Return the server's name, version and extensions."""
    del service, request
    return as_json(v2_metadata.describe_server())


async def model_metadata(service: Service, request: Request) -> Response:
    """Return a version's inputs and outputs, and the model's available versions."""
    version = request.version = find_version(service, request)
    return as_json(v2_metadata.describe_model(service, version))


async def model_ready(service: Service, request: Request) -> Response:
    """Report whether a model version is ready."""
    version = request.version = find_version(service, request)
    return as_json({"name": version.model, "ready": True})


async def infer(service: Service, request: Request) -> Response:
    """Return the predictions for images, as JSON or raw bytes."""
    version = request.version = choose_version(service, request)
    text, raw = split(request.body, request.header(_JSON_LENGTH))
    limits = service.settings.limits
    parsed, images = await service.read(len(text), read_infer, limits, text, raw, version)
    request.spans["parse"] = time.perf_counter() - request.began
    if parsed.timeout_seconds is not None:
        request.deadline = min(request.deadline, request.began + parsed.timeout_seconds)
    result = await service.predict(version, images, request.deadline, request)
    request.spans["queue"], request.spans["infer"] = result.queue_seconds, result.infer_seconds
    started = time.perf_counter()
    response = _response(version, parsed, result.predictions)
    request.spans["serialize"] = time.perf_counter() - started
    return response


def _response(version: Version, parsed: InferenceRequest, predictions: Any) -> Response:
    [spec] = version.contract.outputs
    output: dict[str, Any] = {
        "name": spec.name,
        "datatype": DATATYPES[spec.dtype],
        "shape": list(predictions.shape),
    }
    document: dict[str, Any] = {"model_name": version.model, "model_version": version.text}
    if parsed.id is not None:
        document["id"] = parsed.id
    document["outputs"] = [output]
    if not parsed.binary:
        output["data"] = predictions.ravel()
        return as_json(document)
    raw = predictions.astype("<f4", copy=False).tobytes()
    output["parameters"] = {"binary_data_size": len(raw)}
    text = orjson.dumps(document)
    return Response(
        text + raw,
        content_type=b"application/octet-stream",
        headers=[(_JSON_LENGTH, str(len(text)).encode())],
    )
