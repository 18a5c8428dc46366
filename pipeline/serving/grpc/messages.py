"""The services and their messages, from the compiled descriptors of the ``.proto`` files.

Every release of protobuf can read a descriptor; generated Python code fits only one.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTOR_SETS = ("open_inference.binpb", "tensorflow_serving.binpb")  # made by `make proto`
INFERENCE, TENSORFLOW_SERVING = "inference", "tensorflow.serving"  # their packages
SERVICE = f"{INFERENCE}.GRPCInferenceService"
SERVICES = (
    SERVICE,
    f"{TENSORFLOW_SERVING}.PredictionService",
    f"{TENSORFLOW_SERVING}.ModelService",
)


class Method(NamedTuple):
    """A method of a service, with the classes of its messages."""

    service: str
    request: Any
    response: Any


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    """Return a private pool: a client in the same process may have messages of the same names."""
    pool = descriptor_pool.DescriptorPool()
    for name in DESCRIPTOR_SETS:
        raw = (resources.files(__package__) / name).read_bytes()
        for file in descriptor_pb2.FileDescriptorSet.FromString(raw).file:
            pool.Add(file)
    return pool


@cache
def message(name: str, package: str = INFERENCE) -> Any:
    """Return a message class by name."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{package}.{name}"))


def _methods(service: str) -> dict[str, Method]:
    return {
        method.name: Method(
            service,
            message_factory.GetMessageClass(method.input_type),
            message_factory.GetMessageClass(method.output_type),
        )
        for method in _pool().FindServiceByName(service).methods
    }


METHODS: Mapping[str, Method] = {
    name: method for service in SERVICES for name, method in _methods(service).items()
}
