"""The Open Inference Protocol V2 over HTTP, with binary tensors.

Source: Open Inference Protocol, ``inference_rest.md``; Triton, ``extension_binary_data.md`` and
``extension_parameters.md``.
"""

import time
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from pipeline.artifacts.contract import TensorSpec
from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import wrong
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.protocols.tensorflow import find, read_object
from pipeline.serving.protocols.v2_request import (
    DATATYPES,
    Question,
    platform,
    read_images,
    read_question,
)
from pipeline.serving.service import Service
from pipeline.serving.versions import Version

EXTENSIONS = ["binary_tensor_data", "model_repository"]
NAME = "dense-pipeline"
_MOST_DIGITS = 12
_JSON_LENGTH = b"inference-header-content-length"
_LONGEST_KNOWN, _MOST_KNOWN = 1024, 256  # bytes of a text; texts of a version
_known: WeakKeyDictionary[Version, dict[bytes, Question]] = WeakKeyDictionary()


async def live(service: Service, request: Request) -> Response:
    """Answer that the process runs."""
    del service, request
    return as_json({"live": True})


async def ready(service: Service, request: Request) -> Response:
    """Answer whether requests should be sent here."""
    del request
    document = {"ready": service.ready, "live": True}
    return as_json(document, 200 if service.ready else 503)


async def server_metadata(service: Service, request: Request) -> Response:
    """Answer the server's name, version and extensions."""
    del service, request
    from pipeline.serving import server_version

    return as_json({"name": NAME, "version": server_version(), "extensions": EXTENSIONS})


async def model_metadata(service: Service, request: Request) -> Response:
    """Answer a version's inputs and outputs, and which versions there are."""
    version = request.version = find(service, request)
    return as_json(describe(service, version))


async def model_ready(service: Service, request: Request) -> Response:
    """Answer whether a version answers."""
    version = request.version = find(service, request)
    return as_json({"name": version.model, "ready": True})


async def index(service: Service, request: Request) -> Response:
    """Answer every version of every model with its state (Triton's repository index)."""
    ready = False
    if request.body:
        ready = read_object(service, request.body, lambda asked: asked.get("ready") is True)
    return as_json(repository_index(service, ready=ready))


async def infer(service: Service, request: Request) -> Response:
    """Answer the probabilities of images, as JSON or as raw bytes."""
    version = request.version = find(service, request)
    text, raw = split(request)
    question, images = await service.read(len(text), read_infer, service, text, raw, version)
    request.spans["parse"] = time.perf_counter() - request.began
    if question.timeout_seconds is not None:
        request.deadline = min(request.deadline, request.began + question.timeout_seconds)
    answer = await service.ask(version, images, request.deadline)
    request.spans["queue"], request.spans["infer"] = answer.queue_seconds, answer.infer_seconds
    started = time.perf_counter()
    response = _answer(version, question, answer.probabilities)
    request.spans["serialise"] = time.perf_counter() - started
    return response


def read_infer(
    service: Service, text: bytes, raw: memoryview | None, version: Version
) -> tuple[Question, Images]:
    """Return what a request asks, and its images, uint8 (n, *image_shape).

    Raises:
        ServingError: (413) the JSON is too long; (400) it asks for something else.
    """

    def read(document: dict[str, Any]) -> tuple[Question, Images]:
        question = read_question(document, version)
        return question, read_images(question, raw, version)

    if raw is None or len(text) > _LONGEST_KNOWN:
        return read_object(service, text, read)
    question = _known_question(service, text, version)
    return question, read_images(question, raw, version)


def _known_question(service: Service, text: bytes, version: Version) -> Question:
    """Return what the JSON asks; before raw bytes a client sends the same with every request."""
    known = _known.setdefault(version, {})
    if text not in known:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[text] = read_object(service, text, lambda asked: read_question(asked, version))
    return known[text]


def describe(service: Service, version: Version) -> dict[str, Any]:
    """Return the metadata of a version."""
    numbers = sorted(service.catalogue.model(version.model).ready)
    return {
        "name": version.model,
        "versions": [str(number) for number in numbers],
        "platform": platform(),
        "inputs": [_tensor(spec) for spec in version.contract.inputs],
        "outputs": [_tensor(spec) for spec in version.contract.outputs],
    }


def repository_index(service: Service, *, ready: bool) -> list[dict[str, str]]:
    """Return a row for each version, or each that is ready: name, version, state, reason."""
    rows = []
    for name, model in sorted(service.catalogue.models.items()):
        for number in sorted({*model.ready, *model.refused, *model.loading}):
            state = "READY" if number in model.ready else "UNAVAILABLE"
            state = "LOADING" if number in model.loading else state
            reason = model.refused.get(number, "")
            rows.append({"name": name, "version": str(number), "state": state, "reason": reason})
    return [row for row in rows if row["state"] == "READY" or not ready]


def split(request: Request) -> tuple[bytes, memoryview | None]:
    """Part a body into its JSON and the raw tensors after it."""
    header = request.header(_JSON_LENGTH)
    if header is None:
        return request.body, None
    is_number = header.isascii() and header.isdecimal() and len(header) <= _MOST_DIGITS
    if not is_number or int(header) > len(request.body):
        raise wrong(
            "Inference-Header-Content-Length must be the length of the JSON part in bytes, at most "
            f"{len(request.body):,}; got {header[:40]!r}."
        )
    length = int(header)
    return request.body[:length], memoryview(request.body)[length:]


def _answer(version: Version, question: Question, probabilities: Any) -> Response:
    [spec] = version.contract.outputs
    output: dict[str, Any] = {
        "name": spec.name,
        "datatype": DATATYPES[spec.dtype],
        "shape": list(probabilities.shape),
    }
    document: dict[str, Any] = {"model_name": version.model, "model_version": version.text}
    if question.id is not None:
        document["id"] = question.id
    document["outputs"] = [output]
    if not question.binary:
        output["data"] = probabilities.ravel()
        return as_json(document)
    raw = probabilities.astype("<f4", copy=False).tobytes()
    output["parameters"] = {"binary_data_size": len(raw)}
    text = orjson.dumps(document)
    return Response(
        text + raw,
        content_type=b"application/octet-stream",
        headers=[(_JSON_LENGTH, str(len(text)).encode())],
    )


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    shape = [-1 if size is None else size for size in spec.shape]
    return {"name": spec.name, "datatype": DATATYPES[spec.dtype], "shape": shape}
