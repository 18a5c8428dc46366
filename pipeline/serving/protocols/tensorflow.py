"""TensorFlow Serving's REST API: predict in row and column format, status, metadata, models.

Source: TensorFlow Serving, ``g3doc/api_rest.md``, and ``util/json_tensor.cc`` for its error
messages. ``GET /v1/models`` and the fields ``name`` and ``ready`` are KServe's.
"""

import time
from typing import Any

from pipeline.artifacts.model_contract import SIGNATURE, TensorSpec
from pipeline.runtimes.predictor import Images
from pipeline.serving import tensors
from pipeline.serving.errors import bad_request
from pipeline.serving.http.messages import Request, Response, as_json
from pipeline.serving.json_objects import json_type, read_object
from pipeline.serving.model import STUCK, Model
from pipeline.serving.number_lists import NumberList
from pipeline.serving.protocols.paths import find_version
from pipeline.serving.protocols.task_facts import (
    describe_pictures,
    describe_task,
    describe_version,
)
from pipeline.serving.service import Service
from pipeline.serving.settings import Limits
from pipeline.serving.versions import Version

_DTYPES = {"uint8": "DT_UINT8", "float32": "DT_FLOAT"}


async def predict(service: Service, request: Request) -> Response:
    """Predict in row format (instances -> predictions) or column format (inputs -> outputs)."""
    version = request.version = find_version(service, request)
    body, limits = request.body, service.settings.limits
    images, key = await service.read(len(body), _read, limits, body, version)
    request.spans["parse"] = time.perf_counter() - request.began
    result = await service.predict(version, images, request.deadline)
    request.spans["queue"], request.spans["infer"] = result.queue_seconds, result.infer_seconds
    started = time.perf_counter()
    response = as_json({key: result.predictions})
    request.spans["serialize"] = time.perf_counter() - started
    return response


def _read(limits: Limits, body: bytes, version: Version) -> tuple[Images, str]:
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
    rows = _rows(model)
    number, label = request.parameters["version"], request.parameters["label"]
    if label is not None:
        number = model.version(label=label).text
    if number is not None:
        rows = [row for row in rows if row["version"] == str(int(number))]
        if not rows:
            model.version(number)  # raises the error that fits
    return as_json(
        {
            "name": model.name,
            "ready": model.default is not None,
            "default_version": model.default and model.default.text,
            "task": model.default and describe_task(model.default),
            "pictures": model.default and describe_pictures(model.default),
            "versions": {each.text: describe_version(each) for each in model.ready.values()},
            "labels": {label: str(at) for label, at in model.served_labels.items()},
            "label_status": _label_rows(model),
            "folder_status": _status("DEADLINE_EXCEEDED", STUCK if None in model.stuck else ""),
            "model_version_status": rows,
        }
    )


async def metadata(service: Service, request: Request) -> Response:
    """Return names, dtypes and shapes of a version's inputs and outputs."""
    version = request.version = find_version(service, request)
    signature = {
        "inputs": {spec.name: _tensor_info(spec) for spec in version.contract.inputs},
        "outputs": {spec.name: _tensor_info(spec) for spec in version.contract.outputs},
        "method_name": "tensorflow/serving/predict",
    }
    spec = {"name": version.model, "signature_name": "", "version": version.text}
    return as_json(
        {
            "model_spec": spec,
            "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
        }
    )


def read_images(document: dict[str, Any], version: Version) -> tuple[Images, str]:
    """Return images, uint8 (n, *image_shape), and the key of the response."""
    signature = document.get("signature_name", SIGNATURE)
    if type(signature) is not str:
        raise bad_request(f"signature_name must be a string; got {json_type(signature)}.")
    if signature not in {SIGNATURE, ""}:
        raise bad_request(
            f'Serving signature name: "{signature[:100]}" not found in signature def. Use '
            f"{SIGNATURE}, or :classify-image for a picture file."
        )
    if "instances" in document and "inputs" in document:
        raise bad_request(
            "Not formatted correctly: expecting only one of 'instances' and 'inputs'; got both."
        )
    if "instances" in document:
        return _from_rows(document["instances"], version), "predictions"
    if "inputs" in document:
        return _from_columns(document["inputs"], version), "outputs"
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


def _rows(model: Model) -> list[dict[str, Any]]:
    """Return a row per version, newest first; one rejected while it still serves has its reason."""
    return [_row(model, number) for number in reversed(model.numbers)]


def _row(model: Model, number: int) -> dict[str, Any]:
    reason, code = model.rejected.get(number, ""), "FAILED_PRECONDITION"
    if number in model.stuck:
        reason, code = STUCK, "DEADLINE_EXCEEDED"
    if number in model.ready:
        state = "AVAILABLE"
    else:
        state = "LOADING" if number in model.loading else "END"
    return {"version": str(number), "state": state, "status": _status(code, reason)}


def _label_rows(model: Model) -> list[dict[str, Any]]:
    """Return the version that each label names, the one that is served, and why they differ."""
    served = {label: str(number) for label, number in model.served_labels.items()}
    return [
        {
            "label": label,
            "version": str(number),
            "served_version": served.get(label),
            "status": _status("FAILED_PRECONDITION", model.label_problem(label) or ""),
        }
        for label, number in model.labels.items()
    ]


def _status(code: str, message: str) -> dict[str, str]:
    """Return TensorFlow's status, which is OK without a message."""
    return {"error_code": code if message else "OK", "error_message": message}


def _tensor_info(spec: TensorSpec) -> dict[str, Any]:
    """Return TensorFlow's TensorInfo in JSON, where 64-bit integers are strings."""
    sizes = ("-1" if size is None else str(size) for size in spec.shape)
    return {
        "dtype": _DTYPES[spec.dtype],
        "tensor_shape": {
            "dim": [{"size": size, "name": ""} for size in sizes],
            "unknown_rank": False,
        },
        "name": f"{spec.name}:0",
    }
