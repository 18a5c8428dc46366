"""Check names, datatypes and shapes of tensors in V2 requests, for HTTP and gRPC."""

from typing import Any

from pipeline.serving.errors import ServingError, bad_request
from pipeline.serving.versions import Version

DATATYPES = {"uint8": "UINT8", "float32": "FP32"}


def require_tensor(name: Any, datatype: Any, shape: Any, version: Version) -> int:
    """Check that a tensor fits the model's input; return its number of images.

    Raises:
        ServingError: (400) name, datatype or shape differ.
    """
    [spec] = version.contract.inputs
    expected = DATATYPES[spec.dtype]
    if name != spec.name:
        raise bad_request(
            f"unexpected inference input {name!r:.60} for model {version.model}; expected "
            f"{spec.name!r}."
        )
    if datatype != expected:
        raise bad_request(
            f"inference input {spec.name!r} of {version.model} must have datatype {expected}; got "
            f"{datatype!r:.60}. Send raw pixels, integers from 0 to 255: scaling is part of the "
            "model."
        )
    sizes = list(version.contract.image_shape)
    whole = type(shape) is list and all(type(size) is int for size in shape)
    if not whole or shape[1:] != sizes or shape[0] < 1:
        raise bad_request(
            f"inference input {spec.name!r} of {version.model} must have shape "
            f"[batch, {', '.join(map(str, sizes))}], batch at least 1; got {shape!r:.60}."
        )
    return int(shape[0])


def require_no_classification(count: Any) -> None:
    """Check that a request does not use Triton's classification extension.

    Raises:
        ServingError: (501) it requests the ``count`` likeliest classes instead of the output.
    """
    if count:
        raise ServingError(
            501,
            f"The classification extension is not supported; got classification (class_count) = "
            f"{count!r:.60}. Request the whole output, or use :classify-image over HTTP.",
        )


def require_output(name: Any, version: Version) -> None:
    """Check that a requested output is the model's.

    Raises:
        ServingError: (400) the name differs.
    """
    [spec] = version.contract.outputs
    if name != spec.name:
        sizes = ", ".join(map(str, spec.shape[1:]))
        raise bad_request(
            f"unexpected inference output {name!r:.60} for model {version.model}, whose task is "
            f"{version.task.name}; expected {spec.name!r}, {DATATYPES[spec.dtype]} of shape "
            f"[batch, {sizes}]."
        )
