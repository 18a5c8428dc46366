"""Closed connections are freed at once: collecting many of them would stop a worker for a while."""

import asyncio
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.serving.access_log import AccessLog
from pipeline.serving.http.application import Application
from pipeline.serving.http.server import Server
from pipeline.serving.service import Service
from pipeline.serving.settings import Limits, Settings
from tests.support.processes import wait_until

HOST = "127.0.0.1"
GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
UPLOAD = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{"
Exchange = Callable[[int], None]


def connected(port: int, request: bytes) -> socket.socket:
    connection = socket.create_connection((HOST, port), timeout=60)
    connection.sendall(request)
    return connection


def exchange(request: bytes, status: bytes) -> Exchange:
    """Return a function that sends a request, checks the response, and closes the connection."""

    def run(port: int) -> None:
        with connected(port, request) as connection:
            assert connection.recv(65536).startswith(b"HTTP/1.1 " + status)

    return run


def dropped_upload(port: int) -> None:
    """An upload that makes room for another one, whose client leaves."""
    expect = UPLOAD.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with connected(port, expect) as slow:
        assert slow.recv(100).startswith(b"HTTP/1.1 100")  # the body is being read
        with connected(port, UPLOAD):
            assert slow.recv(65536).startswith(b"HTTP/1.1 429")


EXCHANGES = {
    "response": exchange(GET, b"200"),
    "pipelined": exchange(GET * 1000, b"200"),  # the client leaves after the first response
    "error": exchange(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
    "invalid": exchange(b"\r\n\r\nxyz\r\n\r\n", b"400"),
    "late upload": exchange(UPLOAD, b"408"),
    "dropped upload": dropped_upload,
}


@contextmanager
def garbage_kept() -> Iterator[list[object]]:
    """Keep what the garbage collector finds at the end of the block, instead of freeing it."""
    gc.collect()
    gc.disable()
    try:
        yield gc.garbage
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
    finally:
        gc.set_debug(0)
        gc.enable()


async def garbage_of(run: Exchange, settings: Settings) -> list[str]:
    """Return the types of the server's objects that are garbage once the connections are closed."""
    service = Service(settings)
    server = Server(Application(service, AccessLog(None)), settings, lambda: True)
    sock = socket.create_server((HOST, 0))
    task = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:
        await asyncio.sleep(0.01)

    def run_and_wait() -> None:
        run(sock.getsockname()[1])
        state = server.server_state
        wait_until(lambda: not state.connections and not state.tasks)

    await asyncio.to_thread(run_and_wait)
    with garbage_kept() as found:
        await asyncio.to_thread(run_and_wait)
    types = [f"{type(each).__module__}.{type(each).__qualname__}" for each in found]
    found.clear()
    server.should_exit = True
    await task
    return [name for name in types if name.startswith(("pipeline.", "uvicorn."))]


@pytest.mark.parametrize("kind", EXCHANGES)
def test_closed_connections_leave_no_garbage(kind: str, tmp_path: Path) -> None:
    limits = Limits(
        client_uploads=1, receive_seconds=0.5 if kind == "late upload" else 60, drain_seconds=0
    )
    settings = Settings(tmp_path, limits=limits)
    assert asyncio.run(garbage_of(EXCHANGES[kind], settings)) == []
