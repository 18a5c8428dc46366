"""Parse the bytes of a call, unless the message would take much more memory than the bytes."""

from typing import Any

from google.protobuf.message import DecodeError

from pipeline.serving.errors import bad_request, too_large
from pipeline.serving.grpc.messages import message
from pipeline.system.protobuf_wire import fields

_RAW_INPUTS = ("ModelInfer", 7)  # raw_input_contents, which take no more memory than their bytes
_FIELD_BYTES = 64  # least memory of a field, of which an empty one takes two bytes in the message


def read_request(method: str, raw: bytes, max_bytes: int) -> Any:
    """Return the request message of a method.

    Raises:
        ServingError: (413) too large, raw tensors not counted; (400) not such a message.
    """
    try:
        size = 0
        for number, value in fields(memoryview(raw)):
            is_flat = (method, number) == _RAW_INPUTS or isinstance(value, int)
            size += _FIELD_BYTES + (0 if is_flat else len(value))  # type: ignore[arg-type]
            if size > max_bytes:
                raise too_large("A message without its raw_input_contents", max_bytes)
        return message(f"{method}Request").FromString(raw)
    except (ValueError, DecodeError) as error:
        raise bad_request(
            f"Cannot parse the message of {len(raw):,} bytes as a {method}Request of the Open "
            f"Inference Protocol: {error}. Use a client for this protocol."
        ) from None
