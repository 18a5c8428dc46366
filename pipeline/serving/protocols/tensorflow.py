"""TensorFlow Serving's REST API: predict in row and column format, status, metadata, models.

Source: TensorFlow Serving, ``g3doc/api_rest.md``, and ``util/json_tensor.cc`` for its error
messages. ``GET /v1/models`` and the fields ``name`` and ``ready`` are KServe's.
"""

import time
from typing import Any

from pipeline.artifacts.model_contract import ENCODED_SIGNATURE, SIGNATURE
from pipeline.runtimes.predictor import Images
from pipeline.serving import tensors
from pipeline.serving.errors import bad_request
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.json_objects import json_type, read_object
from pipeline.serving.model import STUCK
from pipeline.serving.number_lists import NumberList
from pipeline.serving.protocols.encoded_images import (
    EncodedImages,
    decode,
    read_columns,
    read_rows,
)
from pipeline.serving.protocols.model_status import (
    describe_labels,
    describe_versions,
    status_of,
)
from pipeline.serving.protocols.paths import choose_version, find_version
from pipeline.serving.protocols.signatures import describe_signatures, require_signature
from pipeline.serving.protocols.task_facts import (
    describe_pictures,
    describe_task,
    describe_version,
)
from pipeline.serving.service import Service
from pipeline.serving.settings import Limits
from pipeline.serving.versions import Version


async def predict(service: Service, request: Request) -> Response:
    """Predict in row format (instances -> predictions) or column format (inputs -> outputs)."""
    version = request.version = choose_version(service, request)
    body, limits = request.body, service.settings.limits
    found, key = await service.read(len(body), _read, limits, body, version)
    images = await decoded(service, request, found, version)
    request.spans["parse"] = time.perf_counter() - request.began
    result = await service.predict(version, images, request.deadline, request)
    request.spans["queue"], request.spans["infer"] = result.queue_seconds, result.infer_seconds
    started = time.perf_counter()
    response = as_json({key: result.predictions})
    request.spans["serialize"] = time.perf_counter() - started
    return response


async def decoded(
    service: Service, request: Request, found: Images | EncodedImages, version: Version
) -> Images:
    """Return images, uint8 (n, *image_shape), from images or their files.

    Raises:
        ServingError: a file cannot be decoded, not in time, or for lack of memory.
    """
    if isinstance(found, EncodedImages):
        return await decode(service, request, found, version, request.deadline)
    return found


def _read(limits: Limits, body: bytes, version: Version) -> tuple[Images | EncodedImages, str]:
    return read_object(limits, body, lambda document: read_images(document, version))


async def unsupported_verb(service: Service, request: Request) -> Response:
    """Reject ``:classify`` and ``:regress``: published models only have a predict signature."""
    find_version(service, request)
    raise bad_request(
        f"The model has no signature for :{request.parameters['verb']}. Use :predict, or "
        ":classify-image for a picture file."
    )


async def models(service: Service, request: Request) -> Response:
    """Return the names of all models."""
    del request
    return as_json({"models": sorted(service.catalog.models)})


async def status(service: Service, request: Request) -> Response:
    """Return the state of all versions of a model, or of one version."""
    model = service.catalog.model(request.parameters["name"] or "")
    number, label = request.parameters["version"], request.parameters["label"]
    rows = describe_versions(model, number, label)
    return as_json(
        {
            "name": model.name,
            "ready": model.default is not None,
            "default_version": model.default and model.default.text,
            "task": model.default and describe_task(model.default),
            "pictures": model.default and describe_pictures(model.default),
            "versions": {each.text: describe_version(each) for each in model.ready.values()},
            "labels": {label: str(at) for label, at in model.served_labels.items()},
            "label_status": describe_labels(model),
            "folder_status": status_of("DEADLINE_EXCEEDED", STUCK if None in model.stuck else ""),
            "model_version_status": rows,
            **(service.traffic.describe(model) if service.traffic else {}),
        }
    )


async def metadata(service: Service, request: Request) -> Response:
    """Return names, dtypes and shapes of a version's inputs and outputs."""
    version = request.version = find_version(service, request)
    spec = {"name": version.model, "signature_name": "", "version": version.text}
    return as_json(
        {
            "model_spec": spec,
            "metadata": {"signature_def": {"signature_def": describe_signatures(version.contract)}},
        }
    )


def read_images(document: dict[str, Any], version: Version) -> tuple[Images | EncodedImages, str]:
    """Return images, uint8 (n, *image_shape), or their files, and the key of the response."""
    signature = document.get("signature_name", SIGNATURE)
    if type(signature) is not str:
        raise bad_request(f"signature_name must be a string; got {json_type(signature)}.")
    require_signature(signature)
    encoded = signature == ENCODED_SIGNATURE
    if "instances" in document and "inputs" in document:
        raise bad_request(
            "Not formatted correctly: expecting only one of 'instances' and 'inputs'; got both."
        )
    if "instances" in document:
        rows = document["instances"]
        return read_rows(rows) if encoded else _from_rows(rows, version), "predictions"
    if "inputs" in document:
        columns = document["inputs"]
        return read_columns(columns) if encoded else _from_columns(columns, version), "outputs"
    raise bad_request("Missing 'inputs' or 'instances' key. Send {\"instances\": [image, ...]}.")


def _from_rows(rows: Any, version: Version) -> Images:
    [spec] = version.contract.inputs
    where = "instances"
    if type(rows) is list and rows and type(rows[0]) is dict:  # by name of the input
        rows = [_named(row, spec.name, f"instances[{index}]") for index, row in enumerate(rows)]
    return tensors.from_nested(rows, version.contract.image_shape, where)


def _from_columns(columns: Any, version: Version) -> Images:
    [spec] = version.contract.inputs
    if type(columns) is dict:
        columns = _named(columns, spec.name, "inputs")
    return tensors.from_nested(columns, version.contract.image_shape, "inputs")


def _named(named: Any, name: str, where: str) -> Any:
    if type(named) is dict and set(named) == {name}:
        tensor = named[name]
        return tensors.parsed(tensor) if type(tensor) is NumberList else tensor
    got = f"the names {', '.join(sorted(named))[:100]}" if type(named) is dict else json_type(named)
    raise bad_request(f"{where} must name one input, {name!r}; got {got}.")
