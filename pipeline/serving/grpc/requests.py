"""Bytes of a call -> its message, unless that would take much more memory than the bytes."""

from typing import Any

from google.protobuf.message import DecodeError

from pipeline.serving.errors import too_large, wrong
from pipeline.serving.grpc.messages import message
from pipeline.system.protobuf_wire import fields

_RAW_INPUTS = ("ModelInfer", 7)  # raw_input_contents: kept as they are
_FIELD_BYTES = 64  # and more, what a field takes in memory: an empty one has two bytes


def read_request(method: str, raw: bytes, most_bytes: int) -> Any:
    """Return the message that a method is asked with.

    Raises:
        ServingError: (413) what is not raw tensors is too long; (400) it is no such message.
    """
    try:
        size = 0
        for number, value in fields(memoryview(raw)):
            kept = (method, number) == _RAW_INPUTS or isinstance(value, int)
            size += _FIELD_BYTES + (0 if kept else len(value))  # type: ignore[arg-type]
            if size > most_bytes:
                raise too_large("What a message holds beside raw_input_contents", most_bytes)
        return message(f"{method}Request").FromString(raw)
    except (ValueError, DecodeError) as error:
        raise wrong(
            f"The message must be a {method}Request of the Open Inference Protocol; got "
            f"{len(raw):,} bytes that are none: {error}. Check the client."
        ) from None
