"""Read a V2 inference request: its images and the requested form of the response."""

from dataclasses import dataclass
from typing import Any

from pipeline.runtimes.predictor import Images
from pipeline.serving import tensors
from pipeline.serving.errors import bad_request
from pipeline.serving.protocols.v2_tensors import (
    require_no_classification,
    require_output,
    require_tensor,
)
from pipeline.serving.versions import Version

_MAX_ID = 1000  # characters
_MAX_MICROSECONDS = 2**64 - 1


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """The JSON of a request; ``binary`` requests a response in raw bytes instead of JSON.

    The ``count`` images are in ``data``, or in ``size`` raw bytes after the JSON.
    """

    count: int
    size: int | None
    data: Any
    id: str | None
    binary: bool
    timeout_seconds: float | None


def read_request(document: dict[str, Any], version: Version) -> InferenceRequest:
    """Return a request without its images.

    Raises:
        ServingError: (400) it is invalid or does not fit the model; (501) it is not supported.
    """
    parameters = _mapping(document, "parameters", "the request")
    identity = document.get("id")
    if identity is not None and (type(identity) is not str or len(identity) > _MAX_ID):
        raise bad_request(
            f"id must be a string of at most {_MAX_ID} characters; got {identity!r:.60}."
        )
    count, size, data = _tensor(document.get("inputs"), version)
    return InferenceRequest(
        count=count,
        size=size,
        data=data,
        id=identity,
        binary=_wants_binary(document, parameters, version),
        timeout_seconds=read_timeout(parameters.get("timeout")),
    )


def read_images(request: InferenceRequest, raw: memoryview | None, version: Version) -> Images:
    """Return images, uint8 (n, *image_shape); ``raw`` are the bytes after the JSON, if any.

    Raises:
        ServingError: (400) the pixels are invalid or do not match the request.
    """
    [spec] = version.contract.inputs
    shape, where = version.contract.image_shape, f"inputs[0].data ({spec.name})"
    if request.size is not None:
        return tensors.from_bytes(_raw(request.size, raw), shape, request.count, where)
    if raw is not None and len(raw):
        raise bad_request(
            f"{len(raw):,} bytes follow the JSON, but no input has the parameter binary_data_size."
        )
    return tensors.from_nested_or_flat(request.data, shape, request.count, where)


def _tensor(inputs: Any, version: Version) -> tuple[int, int | None, Any]:
    """Return how many images the input holds, the size of its raw bytes, and its data."""
    [spec] = version.contract.inputs
    if type(inputs) is not list or len(inputs) != 1 or type(inputs[0]) is not dict:
        got = f"{len(inputs)} of them" if type(inputs) is list else "none"
        raise bad_request(f"inputs must be a list of one tensor, {spec.name!r}; got {got}.")
    [tensor] = inputs
    count = require_tensor(tensor.get("name"), tensor.get("datatype"), tensor.get("shape"), version)
    parameters = _mapping(tensor, "parameters", "inputs[0]")
    return count, parameters.get("binary_data_size"), tensor.get("data")


def _raw(size: Any, raw: memoryview | None) -> memoryview:
    if raw is None:
        raise bad_request(
            "binary_data_size requires the header Inference-Header-Content-Length, the length of "
            "the JSON part in bytes; got no such header."
        )
    if type(size) is not int or size != len(raw):
        raise bad_request(
            f"binary_data_size must be {len(raw):,}, the number of bytes after the JSON; got "
            f"{size!r:.60}."
        )
    return raw


def _wants_binary(document: dict[str, Any], parameters: dict[str, Any], version: Version) -> bool:
    """Return the setting of the output, else that of all outputs, else False."""
    [spec] = version.contract.outputs
    binary = _flag(parameters, "binary_data_output", False)
    outputs = document.get("outputs")
    if outputs is None or outputs == []:
        return binary
    if type(outputs) is not list or len(outputs) != 1 or type(outputs[0]) is not dict:
        raise bad_request(
            f"outputs must be a list of one output, {spec.name!r}; got {outputs!r:.60}."
        )
    [output] = outputs
    require_output(output.get("name"), version)
    output_parameters = _mapping(output, "parameters", "outputs[0]")
    require_no_classification(output_parameters.get("classification"))
    return _flag(output_parameters, "binary_data", binary)


def read_timeout(value: Any) -> float | None:
    """Return the parameter ``timeout`` in seconds; Triton's clients send it in microseconds.

    Raises:
        ServingError: (400) it is not such a number.
    """
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= _MAX_MICROSECONDS:
        raise bad_request(
            f"timeout must be a number of microseconds, an integer of at most 64 bits; got "
            f"{value!r:.60}."
        )
    return value / 1e6 if value else None


def _flag(parameters: dict[str, Any], name: str, default: bool) -> bool:
    value = parameters.get(name, default)
    if type(value) is not bool:
        raise bad_request(f"{name} must be true or false; got {value!r:.60}.")
    return value


def _mapping(document: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    value = document.get(name)
    if value is None:
        return {}
    if type(value) is not dict:
        raise bad_request(f"{name} of {where} must be an object; got {value!r:.60}.")
    return value
