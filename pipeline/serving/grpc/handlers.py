"""Handlers for the calls of all services, here of the V2 protocol; they behave as over HTTP."""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from pipeline.runtimes.predictor import Images
from pipeline.serving import tensors
from pipeline.serving.errors import bad_request
from pipeline.serving.grpc import tensorflow_serving
from pipeline.serving.grpc.context import Context, read_version
from pipeline.serving.grpc.messages import message
from pipeline.serving.grpc.requests import read_request
from pipeline.serving.grpc.triton import TRITON
from pipeline.serving.protocols import v2_metadata
from pipeline.serving.protocols.v2_request import read_timeout
from pipeline.serving.protocols.v2_tensors import (
    DATATYPES,
    require_no_classification,
    require_output,
    require_tensor,
)
from pipeline.serving.versions import Version

_MAX_ID = 100  # characters that are recorded


async def _live(call: Context, request: Any) -> Any:
    del call, request
    return message("ServerLiveResponse")(live=True)


async def _ready(call: Context, request: Any) -> Any:
    del request
    return message("ServerReadyResponse")(ready=call.service.ready)


async def _model_ready(call: Context, request: Any) -> Any:
    call.find(request.name, request.version)
    return message("ModelReadyResponse")(ready=True)


async def _server_metadata(call: Context, request: Any) -> Any:
    del call, request
    return message("ServerMetadataResponse")(**v2_metadata.describe_server())


async def _model_metadata(call: Context, request: Any) -> Any:
    version = call.find(request.name, request.version)
    return message("ModelMetadataResponse")(**v2_metadata.describe_model(call.service, version))


class InferenceRequest(NamedTuple):
    """The parts of a ModelInferRequest that are needed; ``images`` are uint8 (n, *image_shape)."""

    version: Version
    images: Images
    id: str
    raw: bool


def _inference_request(call: Context, request: Any) -> InferenceRequest:
    version = call.choose(request.model_name, read_version(request.model_version))
    call.id = request.id[:_MAX_ID] or None
    images = _images(request, version)
    for output in request.outputs:
        require_output(output.name, version)
        if "classification" in output.parameters:  # the mapping adds what is read from it
            require_no_classification(output.parameters["classification"].int64_param)
    if "timeout" in request.parameters:
        call.deadline = min(call.deadline, call.began + _timeout(request.parameters["timeout"]))
    return InferenceRequest(version, images, request.id, bool(request.raw_input_contents))


async def _infer(call: Context, request: InferenceRequest) -> Any:
    version = request.version
    deadline = min(call.deadline, call.service.deadline())
    result = await call.service.predict(version, request.images, deadline, call)
    [spec] = version.contract.outputs
    output: dict[str, Any] = {"name": spec.name, "datatype": DATATYPES[spec.dtype]}
    output["shape"] = list(result.predictions.shape)
    response = message("ModelInferResponse")(
        model_name=version.model, model_version=version.text, id=request.id, outputs=[output]
    )
    if request.raw:  # raw input, raw output
        raw = result.predictions.astype("<f4", copy=False).tobytes()
        response.raw_output_contents.append(raw)
    else:
        response.outputs[0].contents.fp32_contents.extend(result.predictions.ravel())
    return response


def _images(request: Any, version: Version) -> Images:
    [spec] = version.contract.inputs
    if len(request.inputs) != 1:
        raise bad_request(
            f"inputs must contain one tensor, {spec.name!r}; got {len(request.inputs)}."
        )
    [tensor] = request.inputs
    count = require_tensor(tensor.name, tensor.datatype, list(tensor.shape), version)
    shape, raw = version.contract.image_shape, request.raw_input_contents
    if raw:
        if len(raw) != 1:
            raise bad_request(f"raw_input_contents must contain one tensor; got {len(raw)}.")
        return tensors.from_bytes(raw[0], shape, count, "raw_input_contents[0]")
    values = list(tensor.contents.uint_contents)
    return tensors.from_flat(values, shape, count, "inputs[0].contents.uint_contents")


def _timeout(parameter: Any) -> float:
    """Return the timeout in seconds, infinity for 0; clients send it in microseconds."""
    kind = parameter.WhichOneof("parameter_choice")
    seconds = read_timeout(kind and getattr(parameter, kind))
    return math.inf if seconds is None else seconds


def read(call: Context, name: str, raw: bytes) -> Any:
    """Return the request message of a call; of predictions, only the parts that are needed.

    Raises:
        ServingError: the message is invalid, too large, or does not fit the model.
    """
    request = read_request(name, raw, call.service.settings.limits.json_bytes)
    reader = _READERS.get(name)
    return reader(call, request) if reader else request


_READERS: Mapping[str, Callable[[Context, Any], Any]] = {
    "ModelInfer": _inference_request,
    **tensorflow_serving.READERS,
}
HANDLERS: Mapping[str, Callable[[Context, Any], Awaitable[Any]]] = {
    "ServerLive": _live,
    "ServerReady": _ready,
    "ModelReady": _model_ready,
    "ServerMetadata": _server_metadata,
    "ModelMetadata": _model_metadata,
    "ModelInfer": _infer,
    **TRITON,
    **tensorflow_serving.HANDLERS,
}
