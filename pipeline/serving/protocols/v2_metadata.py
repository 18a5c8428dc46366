"""V2 metadata of the server and its models, for HTTP and gRPC."""

from typing import Any

from pipeline.artifacts.model_contract import TensorSpec
from pipeline.serving import server_version
from pipeline.serving.protocols.v2_tensors import DATATYPES
from pipeline.serving.service import Service
from pipeline.serving.versions import Version

NAME = "dense-pipeline"
EXTENSIONS = [
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "statistics",
]
PLATFORM = "onnx_onnxv1"  # the protocol's name for an ONNX file


def describe_server() -> dict[str, Any]:
    """Return the server's name, version and extensions."""
    return {"name": NAME, "version": server_version(), "extensions": EXTENSIONS}


def describe_model(service: Service, version: Version) -> dict[str, Any]:
    """Return the metadata of a version."""
    numbers = sorted(service.catalog.model(version.model).ready)
    return {
        "name": version.model,
        "versions": [str(number) for number in numbers],
        "platform": PLATFORM,
        "inputs": [_tensor(spec) for spec in version.contract.inputs],
        "outputs": [_tensor(spec) for spec in version.contract.outputs],
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    shape = [-1 if size is None else size for size in spec.shape]
    return {"name": spec.name, "datatype": DATATYPES[spec.dtype], "shape": shape}
