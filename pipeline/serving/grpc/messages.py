"""The service and the messages of ``open_inference.proto``, from its compiled descriptor.

A descriptor is read by every release of protobuf; generated Python code fits one.
"""

from functools import cache
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTOR_SET = "open_inference.binpb"  # made by `make proto`


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    """A pool of our own: a client in the same process brings messages of the same names."""
    raw = (resources.files(__package__) / DESCRIPTOR_SET).read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(raw).file:
        pool.Add(file)
    return pool


_service = _pool().FindServiceByName("inference.GRPCInferenceService")
SERVICE: str = _service.full_name
METHODS = tuple(method.name for method in _service.methods)


@cache
def message(name: str) -> Any:
    """Return a message class by name."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"inference.{name}"))
