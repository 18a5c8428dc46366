"""Clients that reset or half-close connections at any moment leave nothing in the error log."""

import json
import random
import secrets
import socket
import ssl
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.serving.grpc.messages import SERVICE, message
from tests.support.grpc_client import channel_to, infer_request, tensor
from tests.support.processes import wait_until
from tests.support.servers import Server, host_and_port, serving

BODY = json.dumps({"instances": [[[[0]] * 28] * 28]}).encode()
PREDICT = b"POST /v1/models/smoke:predict HTTP/1.1\r\nHost: x\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
MANY = json.dumps({"instances": [[[[0]] * 28] * 28] * 150}).encode()  # parsed in a thread
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
REQUESTS = {
    "get": b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    "page": b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n",
    "head": b"HEAD /v2 HTTP/1.1\r\nHost: x\r\n\r\n",
    "http/1.0": b"GET /v1/models HTTP/1.0\r\n\r\n",
    "close": b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "predict": PREDICT + LENGTH + b"\r\n" + BODY,
    "many images": PREDICT + b"Content-Length: %d\r\n\r\n" % len(MANY) + MANY,
    "chunked": PREDICT + CHUNKED + CHUNKS,
    "expect": PREDICT + LENGTH + b"Expect: 100-continue\r\n\r\n" + BODY,
    "upgrade": PREDICT + UPGRADE + LENGTH + b"\r\n" + BODY,
    "h2c": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "connect": b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "options": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "unknown path": b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123456789",
    "too large": PREDICT + b"Content-Length: 99999999\r\n\r\n" + bytes(70_000),
    "long head": b"GET /v1/models HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "invalid": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "invalid chunk": PREDICT + CHUNKED + b"xyz\r\n",
    "invalid path": b"GET /%ff%00\x80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute path": b"GET http://x:y:z/ HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture(scope="module")
def target(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("target") / "log"
    options = ("--max-connections", 20, "--max-client-uploads", 5, "--max-body-mb", 1)
    with serving(complete, *options, log=log) as running:
        yield running


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def half_close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1000)
    connection.close()


def read_then_reset(connection: socket.socket) -> None:
    connection.recv(random.choice([1, 100, 65536]))
    reset(connection)


ENDS = {
    "reset": reset,
    "close": socket.socket.close,
    "half-close": half_close,
    "read, then reset": read_then_reset,
}


def attack(
    server: Server, data: bytes, pieces: int, end: str, address: tuple[str, int] | None = None
) -> None:
    """Send data in some pieces, by default to the HTTP port, then end the connection."""
    size = max(1, -(-len(data) // pieces))
    with socket.create_connection(address or host_and_port(server), timeout=0.5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):  # the server may have closed it already
            for first in range(0, len(data), size):
                connection.sendall(data[first : first + size])
            ENDS[end](connection)


def problems(server: Server) -> list[str]:
    """Return the log without requests, once a request has been logged that was parsed last."""
    own = secrets.token_hex(8)
    headers = {"X-Request-ID": own}
    assert server.post("/v1/models/smoke:predict", data=MANY, headers=headers).status_code == 200
    wait_until(lambda: f'"{own}"' in server.log.read_text())
    return [str(e) for e in server.events() if e["event"] != "request" and e["level"] != "info"]


@pytest.mark.parametrize("name", REQUESTS)
def test_reset_while_requests_are_answered(target: Server, name: str) -> None:
    """The client resets once it has the first response; the second one takes a while."""
    whole = REQUESTS["get"] + REQUESTS["many images"] + REQUESTS[name] * 3 + REQUESTS["predict"]
    for _ in range(5):
        attack(target, whole, 1, "read, then reset")
    assert problems(target) == []


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", REQUESTS)
def test_pipelined_requests_cut_off_anywhere(target: Server, name: str, end: str) -> None:
    whole = REQUESTS[name] * 20
    random.seed(zlib.crc32(f"{name} {end}".encode()))
    for _ in range(4):
        attack(target, whole[: random.randint(1, len(whole))], random.choice([1, 1, 2, 5]), end)
    assert problems(target) == []


def test_random_mixtures(target: Server) -> None:
    random.seed(14)
    for _ in range(300):
        mixture = b"".join(random.choices([*REQUESTS.values()], k=random.randint(1, 30)))
        data = mixture[: random.randint(1, len(mixture))]
        attack(target, data, random.choice([1, 1, 1, 3]), random.choice([*ENDS]))
    assert problems(target) == []


def client_hello() -> bytes:
    """Return the first message of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_tls_port(complete: Path, tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    options = ("--tls-certificate", certificate[0], "--tls-key", certificate[1])
    with serving(complete, *options, log=tmp_path / "log", verify=certificate[0]) as server:
        hello = client_hello()
        for data in (*REQUESTS.values(), hello, hello[:50], hello + b"x" * 500, hello * 2):
            for end in ENDS:
                attack(server, data, 1, end)
        context = ssl.create_default_context(cafile=certificate[0])
        for cut_off in ENDS.values():
            data = REQUESTS["get"] + REQUESTS["many images"] + REQUESTS["predict"] * 3
            with (
                socket.create_connection(host_and_port(server), timeout=30) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
                suppress(OSError),
            ):
                connection.sendall(data)
                cut_off(connection)
        assert problems(server) == []


def test_grpc_port(target: Server) -> None:
    assert target.grpc
    host, port = target.grpc.split(":")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = b"\0\0\0\4\0\0\0\0\0"
    frames = [b"\0\0\4" + bytes([kind, 4, 0, 0, 0, 1]) + b"\x83\x86\x84\x41" for kind in range(12)]
    streams = [preface, preface + settings, *(preface + settings + frame * 9 for frame in frames)]
    for data in (*REQUESTS.values(), *streams):
        for end in ENDS:
            attack(target, data, 1, end, (host, int(port)))
    assert problems(target) == []


def test_grpc_calls_cut_off(target: Server) -> None:
    """Deadlines pass, calls are canceled, and channels are closed during calls."""
    request = infer_request(
        inputs=[tensor(shape=[1000, 28, 28, 1])], raw_input_contents=[bytes(784_000)]
    )
    infer = partial(unary, "ModelInfer", request)
    for number in range(40):
        with channel_to(target) as channel:
            calls = [infer(channel, timeout=0.002 * (number % 10) + 0.001) for _ in range(5)]
            for one in calls[: number % 6]:
                one.cancel()
    assert problems(target) == []


def unary(method: str, fields: dict[str, Any], channel: Any, timeout: float) -> Any:
    """Start a call, and return its future."""
    send = channel.unary_unary(
        f"/{SERVICE}/{method}",
        request_serializer=message(f"{method}Request").SerializeToString,
        response_deserializer=message(f"{method}Response").FromString,
    )
    return send.future(message(f"{method}Request")(**fields), timeout=timeout)
