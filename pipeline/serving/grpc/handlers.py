"""The calls of the V2 protocol: messages -> the same questions as over HTTP -> messages."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.runtimes.predictor import Images
from pipeline.serving import tensors
from pipeline.serving.errors import wrong
from pipeline.serving.grpc.messages import message
from pipeline.serving.grpc.requests import read_request
from pipeline.serving.protocols import v2_metadata
from pipeline.serving.protocols.v2_tensors import DATATYPES, require_output, require_tensor
from pipeline.serving.service import Service
from pipeline.serving.versions import Version


@dataclass(slots=True)
class Context:
    """One call; ``deadline`` is the client's, in seconds of ``perf_counter``."""

    service: Service
    deadline: float
    version: Version | None = None

    def find(self, name: str, version: str) -> Version:
        """Return the version asked for.

        Raises:
            ServingError: there is none, or its number is not one.
        """
        if version and not (version.isascii() and version.isdecimal() and len(version) < 10):  # noqa: PLR2004
            raise wrong(f"A version must be a number; got {version[:40]!r}.")
        self.version = self.service.find(name, version or None)
        return self.version


async def _live(call: Context, asked: Any) -> Any:
    del call, asked
    return message("ServerLiveResponse")(live=True)


async def _ready(call: Context, asked: Any) -> Any:
    del asked
    return message("ServerReadyResponse")(ready=call.service.ready)


async def _model_ready(call: Context, asked: Any) -> Any:
    call.find(asked.name, asked.version)
    return message("ModelReadyResponse")(ready=True)


async def _server_metadata(call: Context, asked: Any) -> Any:
    del call, asked
    return message("ServerMetadataResponse")(**v2_metadata.describe_server())


async def _model_metadata(call: Context, asked: Any) -> Any:
    version = call.find(asked.name, asked.version)
    return message("ModelMetadataResponse")(**v2_metadata.describe_model(call.service, version))


async def _index(call: Context, asked: Any) -> Any:
    rows = v2_metadata.repository_index(call.service, ready=asked.ready)
    return message("RepositoryIndexResponse")(models=rows)


class Question(NamedTuple):
    """What is kept of a request to infer; ``images`` uint8 (n, *image_shape)."""

    version: Version
    images: Images
    id: str
    raw: bool


def _question(call: Context, asked: Any) -> Question:
    version = call.find(asked.model_name, asked.model_version)
    images = _images(asked, version)
    for output in asked.outputs:
        require_output(output.name, version)
    return Question(version, images, asked.id, bool(asked.raw_input_contents))


async def _infer(call: Context, asked: Question) -> Any:
    version = asked.version
    deadline = min(call.deadline, call.service.deadline())
    answer = await call.service.ask(version, asked.images, deadline)
    [spec] = version.contract.outputs
    output: dict[str, Any] = {"name": spec.name, "datatype": DATATYPES[spec.dtype]}
    output["shape"] = list(answer.probabilities.shape)
    response = message("ModelInferResponse")(
        model_name=version.model, model_version=version.text, id=asked.id, outputs=[output]
    )
    if asked.raw:  # as it was asked, so it is answered
        raw = answer.probabilities.astype("<f4", copy=False).tobytes()
        response.raw_output_contents.append(raw)
    else:
        response.outputs[0].contents.fp32_contents.extend(answer.probabilities.ravel())
    return response


def _images(asked: Any, version: Version) -> Images:
    [spec] = version.contract.inputs
    if len(asked.inputs) != 1:
        raise wrong(f"inputs must be one tensor, {spec.name!r}; got {len(asked.inputs)}.")
    [tensor] = asked.inputs
    count = require_tensor(tensor.name, tensor.datatype, list(tensor.shape), version)
    shape, raw = version.contract.image_shape, asked.raw_input_contents
    if raw:
        if len(raw) != 1:
            raise wrong(f"raw_input_contents must hold one tensor; got {len(raw)}.")
        return tensors.from_bytes(raw[0], shape, count, "raw_input_contents[0]")
    values = list(tensor.contents.uint_contents)
    return tensors.from_flat(values, shape, count, "inputs[0].contents.uint_contents")


def read(call: Context, name: str, raw: bytes) -> Any:
    """Return what a call asks; of a request to infer only what is needed, not the message.

    Raises:
        ServingError: it is no such message, too long, or asks for something else.
    """
    asked = read_request(name, raw, call.service.settings.limits.json_bytes)
    return _question(call, asked) if name == "ModelInfer" else asked


HANDLERS: Mapping[str, Callable[[Context, Any], Awaitable[Any]]] = {
    "ServerLive": _live,
    "ServerReady": _ready,
    "ModelReady": _model_ready,
    "ServerMetadata": _server_metadata,
    "ModelMetadata": _model_metadata,
    "RepositoryIndex": _index,
    "ModelInfer": _infer,
}
