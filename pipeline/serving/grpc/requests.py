"""Parse the bytes of a call, unless the message would take much more memory than the bytes."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError

from pipeline.serving.errors import bad_request, too_large
from pipeline.serving.grpc.messages import METHODS
from pipeline.system.protobuf_wire import fields

Path = tuple[int, ...]  # the numbers of fields, from the outermost message

# Fields that take no more memory than their bytes: raw_input_contents; tensor_content and
# string_val of the inputs, which are the values of a mapping.
_FLAT: dict[str, tuple[Path, ...]] = {
    "ModelInfer": ((7,),),
    "Predict": ((2, 2, 4), (2, 2, 8)),
}
_FIELD_BYTES = 64  # least memory of a field, of which an empty one takes two bytes in the message


def read_request(method: str, raw: bytes, max_bytes: int) -> Any:
    """Return the request message of a method.

    Raises:
        ServingError: (413) too large, raw tensors not counted; (400) not such a message.
    """
    request = METHODS[method].request
    try:
        size = 0
        for field_size in _sizes(memoryview(raw), _FLAT.get(method, ())):
            size += field_size
            if size > max_bytes:
                raise too_large("A message without its raw tensors", max_bytes)
        return request.FromString(raw)
    except (ValueError, DecodeError) as error:
        raise bad_request(
            f"Cannot parse the message of {len(raw):,} bytes as a {request.DESCRIPTOR.name}: "
            f"{error}. Use a client for this protocol."
        ) from None


def _sizes(message: memoryview, flat: tuple[Path, ...]) -> Iterator[int]:
    """Yield the memory of each field in bytes; of those that are flat, only the least."""
    for number, value in fields(message):
        inner = tuple(path[1:] for path in flat if path[0] == number)
        if isinstance(value, int) or () in inner:
            yield _FIELD_BYTES
        elif inner:
            yield _FIELD_BYTES
            yield from _sizes(value, inner)
        else:
            yield _FIELD_BYTES + len(value)
