"""Triton's configuration of a model, for HTTP and gRPC."""

from math import prod
from typing import Any

from pipeline.artifacts.model_contract import TensorSpec
from pipeline.serving.protocols.v2_tensors import DATATYPES
from pipeline.serving.service import Service
from pipeline.serving.versions import Version

_HEAD_BYTES = 1024  # left for what precedes the pixels in a request


def describe_config(service: Service, version: Version) -> dict[str, Any]:
    """Return the configuration of a version, as Triton's backend for ONNX files has it.

    The largest batch is the number of images that fit into one request as binary tensors.
    """
    body_bytes = service.settings.limits.body_bytes
    largest = (body_bytes - _HEAD_BYTES) // prod(version.contract.image_shape)
    return {
        "name": version.model,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "max_batch_size": max(largest, 1),
        "input": [_tensor(spec) for spec in version.contract.inputs],
        "output": [_tensor(spec) for spec in version.contract.outputs],
        "dynamic_batching": {},
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    data_type = f"TYPE_{DATATYPES[spec.dtype]}"
    return {"name": spec.name, "data_type": data_type, "dims": list(spec.shape[1:])}
