"""Send random gRPC calls: mutated messages, unknown methods, metadata, deadlines; and raw bytes."""

import random
import socket
import struct
from functools import cache
from typing import Any

import grpc

from campaign.http_requests import SHAPE
from campaign.results import Tally
from pipeline.serving.grpc.messages import METHODS, SERVICE, message
from tests.support.mutations import damage

_IN_FLIGHT = 32
_ANSWER_SECONDS = 30
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_TYPES = 10  # of HTTP/2: RFC 9113, section 6
_BUGS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}


def send_calls(address: str, count: int, seed: int, tally: Tally) -> None:
    """Make ``count`` random calls, the same for the same seed."""
    chance = random.Random(seed)
    with grpc.insecure_channel(address) as channel:
        while count:
            batch = min(count, _IN_FLIGHT)
            waiting = [_start(channel, address, chance, tally) for _ in range(batch)]
            for future, text in filter(None, waiting):
                _finish(future, text, tally)
            count -= batch


def _start(
    channel: Any, address: str, chance: random.Random, tally: Tally
) -> tuple[Any, str] | None:
    """Start one call; None if there is nothing to wait for."""
    if chance.random() < 0.02:
        _send_frames(address, chance)
        tally.outcomes["raw frames"] += 1
        return None
    method, content = _random_message(chance)
    service = METHODS[method].service if method in METHODS else SERVICE
    send = channel.unary_unary(f"/{service}/{method}")  # without serializers: bytes
    options: dict[str, Any] = {"timeout": _ANSWER_SECONDS}
    if chance.random() < 0.05:
        options["timeout"] = chance.choice([1e-6, 1e-4, 1e-3])
    if chance.random() < 0.1:
        options["metadata"] = [(f"key-{chance.randrange(9)}-bin", chance.randbytes(20))]
    if chance.random() < 0.05:
        options["compression"] = grpc.Compression.Gzip
    future = send.future(content, **options)
    text = f"{method}({content[:200]!r}), {options}"
    if chance.random() < 0.02:
        future.cancel()
    return future, text


def _finish(future: Any, text: str, tally: Tally) -> None:
    try:
        future.result()
        tally.outcomes["OK"] += 1
    except grpc.FutureCancelledError:
        tally.outcomes["CANCELLED"] += 1
    except grpc.RpcError as error:
        code = error.code()
        tally.outcomes[code.name] += 1
        if code in _BUGS or "Traceback" in str(error):
            tally.fail(f"{code.name}: {error.details()!r:.200} for {text}")
        if code is grpc.StatusCode.DEADLINE_EXCEEDED and f"'timeout': {_ANSWER_SECONDS}" in text:
            tally.fail(f"no answer within {_ANSWER_SECONDS} s to {text}")


def _random_message(chance: random.Random) -> tuple[str, bytes]:
    method, content = chance.choice(valid_messages())
    kind = chance.random()
    if kind < 0.05:
        return chance.choice(["Unknown", "", *METHODS]), chance.randbytes(chance.randrange(300))
    return method, damage(content, chance) if content and kind < 0.9 else content


@cache
def valid_messages() -> list[tuple[str, bytes]]:
    """Return the method and message of valid calls."""
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, *SHAPE]}
    contents = {"uint_contents": [7] * 784}
    named = {"name": "smoke", "version": "1"}
    fields: list[tuple[str, dict[str, Any]]] = [
        ("ServerLive", {}),
        ("ServerReady", {}),
        ("ModelReady", named),
        ("ServerMetadata", {}),
        ("ModelMetadata", named),
        ("ModelConfig", named),
        ("ModelStatistics", named),
        ("RepositoryIndex", {"ready": True}),
        ("RepositoryModelLoad", {"model_name": "smoke"}),
        ("RepositoryModelUnload", {"model_name": "smoke"}),
        *_tensorflow_messages(),
        ("ModelInfer", {"model_name": "smoke", "inputs": [{**tensor, "contents": contents}]}),
        (
            "ModelInfer",
            {"model_name": "smoke", "inputs": [tensor], "raw_input_contents": [bytes(784)],
             "outputs": [{"name": "probabilities"}], "id": "a"},
        ),
    ]  # fmt: skip
    weights = {"ModelInfer": 6, "Predict": 6}
    return [
        (method, METHODS[method].request(**values).SerializeToString())
        for method, values in fields
        for _ in range(weights.get(method, 1))
    ]


def _tensorflow_messages() -> list[tuple[str, dict[str, Any]]]:
    """Return valid calls of TensorFlow Serving's API."""
    shape = {"dim": [{"size": size} for size in (1, *SHAPE)]}
    tensor = message("TensorProto", "tensorflow")(
        dtype="DT_UINT8", tensor_shape=shape, tensor_content=bytes(784)
    )
    pixels = message("Feature", "tensorflow")(int64_list={"value": [7] * 784})
    example = {"features": {"feature": {"image": pixels}}}
    named = {"model_spec": {"name": "smoke", "version": {"value": 1}}}
    return [
        ("Predict", {**named, "inputs": {"image": tensor}, "output_filter": ["probabilities"]}),
        ("Classify", {**named, "input": {"example_list": {"examples": [example]}}}),
        ("GetModelMetadata", {**named, "metadata_field": ["signature_def"]}),
        ("GetModelStatus", named),
    ]


def _send_frames(address: str, chance: random.Random) -> None:
    """Send random HTTP/2 frames, and sometimes reset the connection."""
    host, port = address.rsplit(":", 1)
    frames = [_PREFACE] if chance.random() < 0.8 else []
    for _ in range(chance.randint(1, 5)):
        payload = chance.randbytes(chance.randrange(60))
        head = len(payload).to_bytes(3) + bytes([chance.randrange(_FRAME_TYPES)])
        frames.append(head + chance.randbytes(5) + payload)
    with socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS) as sock:
        if chance.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            sock.sendall(b"".join(frames))
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1000)
        except OSError:
            pass
