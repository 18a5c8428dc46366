"""Slow connections: the slowest make room for others if there are too many."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.serving.http.slowest import Slowest
from pipeline.serving.http.transport import Transport
from tests.support.servers import Server, host_and_port, serving

BODY = {"instances": [[[[0]] * 28] * 28]}
PREDICT = "/v1/models/smoke:predict"
HEAD = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()
GET = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
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
def test_slow_connections_shut_nobody_out(
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
