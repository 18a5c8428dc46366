"""Slow connections: the slowest make room for others if there are too many."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.serving.access_log import AccessLog
from pipeline.serving.grpc import port
from pipeline.serving.grpc.messages import SERVICE
from pipeline.serving.http.slowest import Slowest
from pipeline.serving.http.transport import Transport
from pipeline.serving.ports import open_ports
from pipeline.serving.service import Service
from pipeline.serving.settings import Limits, Settings
from tests.support.servers import Server, host_and_port, serving

BODY = {"instances": [[[[0]] * 28] * 28]}
PREDICT = "/v1/models/smoke:predict"
HEAD = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()
GET = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
HEADERS = {
    b":method": b"POST",
    b":scheme": b"http",
    b":path": f"/{SERVICE}/ModelInfer".encode(),
    b":authority": b"x",
    b"te": b"trailers",
    b"content-type": b"application/grpc",
}
OWN, OTHER = "127.0.0.1", "127.0.0.2"
FEW, MANY = 20, 60


@pytest.fixture(scope="module")
def few(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with few connections, and as much time for a request as for an idle connection."""
    log = tmp_path_factory.mktemp("few") / "log"
    options = ("--max-connections", FEW, "--receive-seconds", 60)
    with serving(complete, *options, log=log) as running:
        yield running


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connect(server: Server, opened: ExitStack, address: str = OWN) -> socket.socket:
    return opened.enter_context(
        socket.create_connection(host_and_port(server), timeout=30, source_address=(address, 0))
    )


@pytest.mark.parametrize("address", [OWN, OTHER])
@pytest.mark.parametrize(
    "sent",
    [b"", HEAD, HEAD + b"Content-Length: 500\r\n\r\n{", GET, b"POST /x" + HEAD[4:] * 2],
    ids=["silent", "head", "body", "idle", "invalid"],
)
def test_slow_connections_shut_out_no_other_client(
    few: Server, opened: ExitStack, sent: bytes, address: str
) -> None:
    with requests.Session() as session:
        for _ in range(MANY):
            connect(few, opened, address).sendall(sent)
            assert session.post(few.url + PREDICT, json=BODY, timeout=30).status_code == 200
        assert few.predict(BODY).status_code == 200  # on a new connection


def test_slowest_connection_is_closed(few: Server, opened: ExitStack) -> None:
    """Also if its request has just begun: it had the time since it connected."""
    first = connect(few, opened)
    for _ in range(FEW):
        connection = connect(few, opened)
        connection.sendall(GET)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    response = first.recv(65536)
    assert response.startswith(b"HTTP/1.1 429")
    assert b"retry-after: 1" in response
    assert b"at most 20 connections are open at a time, and this one was the slowest" in response


def test_idle_connection_is_closed_without_a_response(few: Server, opened: ExitStack) -> None:
    idle = []
    for _ in range(FEW + 1):
        idle.append(connect(few, opened))
        idle[-1].sendall(GET)
        assert idle[-1].recv(65536).startswith(b"HTTP/1.1 200")
    assert idle[0].recv(65536) == b""


@dataclass
class Waiting:
    """A connection whose client has used a share of its time, or None while it is answered."""

    used: float | None
    network: str = "a"
    waiting_since: float = 0

    def patience_used(self, now: float) -> float | None:
        del now
        return self.used


def test_connections_being_answered_are_never_closed() -> None:
    assert Slowest().pop([Waiting(None), Waiting(0.0)], 0) is None


def test_client_with_many_connections_loses_its_slowest_first() -> None:
    """A slower connection of another client stays."""
    greedy = [Waiting(0.01 * number) for number in range(1, 9)]
    other = Waiting(0.5, network="b")
    slowest = Slowest()
    assert slowest.pop([other, *greedy], 0) is greedy[-1]
    assert slowest.pop([other, *greedy], 0) is greedy[-2]


def test_connection_that_has_made_progress_is_not_closed() -> None:
    connections = [Waiting(0.1), Waiting(0.2), Waiting(0.3)]
    slowest = Slowest()
    assert slowest.pop(connections, 0) is connections[2]
    connections[1].waiting_since = 1
    assert slowest.pop(connections, 0) is connections[0]


class ClosedTransport:
    """Like uvloop's: every call raises once it is closed."""

    def __init__(self, unsent: int = 0) -> None:
        self.calls: list[Any] = []
        self.closing = False
        self._unsent = unsent

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self._unsent

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> None:
            assert name == "abort" or not self.closing, f"{name} of a closed transport"
            self.calls.append((name, *arguments))
            self.closing |= name in {"close", "abort"}

        return call


def test_calls_are_ignored_once_the_connection_is_closed() -> None:
    async def run() -> list[Any]:
        inner: Any = ClosedTransport()
        transport = Transport(inner, asyncio.get_running_loop(), 0)
        transport.write(b"a")
        transport.write(b"b")
        transport.pause_reading()
        transport.resume_reading()
        transport.close()
        transport.write(b"c")
        transport.pause_reading()
        transport.resume_reading()
        transport.close()
        await asyncio.sleep(0)
        calls: list[Any] = inner.calls
        return calls

    calls = asyncio.run(run())
    assert calls == [("pause_reading",), ("resume_reading",), ("write", b"ab"), ("close",)]


def test_rest_of_a_response_is_not_sent_after_a_reset() -> None:
    async def run() -> list[Any]:
        inner: Any = ClosedTransport()
        transport = Transport(inner, asyncio.get_running_loop(), 0)
        transport.write(b"a")
        inner.closing = True
        await asyncio.sleep(0)
        calls: list[Any] = inner.calls
        return calls

    assert asyncio.run(run()) == []


@pytest.mark.parametrize(("unsent", "last"), [(0, "close"), (5, "abort")])
def test_closed_connection_must_be_read_in_time(unsent: int, last: str) -> None:
    async def run() -> list[Any]:
        inner: Any = ClosedTransport(unsent)
        Transport(inner, asyncio.get_running_loop(), 0).close()
        await asyncio.sleep(0.01)
        calls: list[Any] = inner.calls
        return calls

    assert asyncio.run(run())[-1] == (last,)


def test_open_files_are_raised_to_what_the_system_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] - 1, before[1]))
    try:
        _, http, _ = open_ports(Settings(Path(), port=0, grpc_port=None))
        http.close()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("sent", [b"", b"PRI * HTTP/2.0\r\n\r\n"])
def test_silent_grpc_connection_is_closed(complete: Path, tmp_path: Path, sent: bytes) -> None:
    with serving(complete, "--receive-seconds", 1, log=tmp_path / "log") as server:
        assert server.grpc
        host, number = server.grpc.split(":")
        with socket.create_connection((host, int(number)), timeout=60) as connection:
            connection.sendall(sent)
            while connection.recv(65536):  # gRPC's own timeout is 120 s
                pass


def slow_call() -> bytes:
    """Return a gRPC call that announces a message of 100 bytes and sends one of them."""
    block = b"".join(
        b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value  # RFC 7541, 6.2.2
        for name, value in HEADERS.items()
    )
    settings, headers = frame(4, 0, 0, b""), frame(1, 4, 1, block)
    message = frame(0, 0, 1, b"\0" + (100).to_bytes(4) + b"x")
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + headers + message


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return an HTTP/2 frame (RFC 9113, 4.1)."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def test_grpc_connection_with_a_slow_message_is_closed(
    smoke: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "_MAX_AGE_SECONDS", 0.1)
    limits = Limits(receive_seconds=0.1, answer_seconds=0.1)

    async def run() -> None:
        settings, http, reserved = open_ports(
            Settings(smoke / "exported", port=0, grpc_port=0, limits=limits)
        )
        assert reserved
        assert settings.grpc_port
        with http, reserved:
            grpc_port = port.GrpcPort(Service(settings), AccessLog(None))
            await grpc_port.start()
            reader, writer = await asyncio.open_connection(OWN, settings.grpc_port)
            writer.write(slow_call())
            async with asyncio.timeout(60):
                while await reader.read(65536):
                    pass
            writer.close()
            await grpc_port.stop()

    asyncio.run(run())
