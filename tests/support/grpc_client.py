"""Calls to the gRPC port with grpcio."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from pipeline.serving.grpc.messages import SERVICE, message
from tests.support.servers import Server


def call(
    channel: Any, method: str, /, *, metadata: Any = None, timeout: float = 20, **fields: Any
) -> Any:
    send = channel.unary_unary(
        f"/{SERVICE}/{method}",
        request_serializer=message(f"{method}Request").SerializeToString,
        response_deserializer=message(f"{method}Response").FromString,
    )
    return send(message(f"{method}Request")(**fields), timeout=timeout, metadata=metadata)


@contextmanager
def channel_to(server: Server, certificate: Path | None = None) -> Iterator[Any]:
    assert server.grpc
    address = server.grpc.replace("0.0.0.0", "127.0.0.1")
    if certificate:
        credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
        channel = grpc.secure_channel(address, credentials)
    else:
        channel = grpc.insecure_channel(address)
    with channel:
        yield channel


def tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "image", "datatype": "UINT8", "shape": [1, 28, 28, 1], **changes}


def infer_request(**changes: Any) -> dict[str, Any]:
    whole = {"model_name": "smoke", "inputs": [tensor()], "raw_input_contents": [bytes(784)]}
    return {**whole, **changes}
