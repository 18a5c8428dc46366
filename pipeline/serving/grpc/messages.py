"""The service and the messages of ``open_inference.proto``, from its compiled descriptor.

Every release of protobuf can read a descriptor; generated Python code fits only one.
"""

from functools import cache
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTOR_SET = "open_inference.binpb"  # made by `make proto`


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    """Return a private pool: a client in the same process may have messages of the same names."""
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
