"""Closed connections are freed at once: collecting many of them would stop a worker for a while."""

import asyncio
import gc
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from pipeline.serving.access_log import AccessLog
from pipeline.serving.errors import ServingError
from pipeline.serving.http.application import Application
from pipeline.serving.http.connections import Connection
from pipeline.serving.http.messages import Request
from pipeline.serving.http.server import Server
from pipeline.serving.http.uploads import Upload
from pipeline.serving.service import Service
from pipeline.serving.settings import Limits, Settings

HOST = "127.0.0.1"
SECONDS = 3  # in which a connection is freed; those of the server are much longer
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


def reset(port: int) -> None:
    """A client that resets the connection after the response."""
    with connected(port, GET) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


EXCHANGES = {
    "response": exchange(GET, b"200"),
    "pipelined": exchange(GET * 1000, b"200"),  # the client leaves after the first response
    "error": exchange(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
    "invalid": exchange(b"\r\n\r\nxyz\r\n\r\n", b"400"),
    "late upload": exchange(UPLOAD, b"408"),
    "dropped upload": dropped_upload,
    "reset": reset,
}


def alive() -> list[str]:
    """Return the types of the objects that exist for each connection, request and upload."""
    types = (Connection, RequestResponseCycle, Request, Upload, ServingError)
    return [type(each).__name__ for each in gc.get_objects() if isinstance(each, types)]


async def left_after(run: Exchange, server: Server) -> list[str]:
    """Return what is left of an exchange without the garbage collector."""
    sock = socket.create_server((HOST, 0))
    task = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:
        await asyncio.sleep(0.01)
    gc.collect()
    gc.disable()
    try:
        before = alive()
        await asyncio.to_thread(run, sock.getsockname()[1])
        until = asyncio.get_running_loop().time() + SECONDS
        while (left := alive()) != before and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)
    finally:
        gc.enable()
        server.should_exit = True
        await task
    return left[len(before) :]


@pytest.mark.parametrize("kind", EXCHANGES)
def test_closed_connections_are_freed(kind: str, tmp_path: Path) -> None:
    late = kind == "late upload"
    limits = Limits(
        client_uploads=1,
        receive_seconds=0.5 if late else 600,
        keep_alive_seconds=600,
        drain_seconds=0,
    )
    settings = Settings(tmp_path, limits=limits)
    application = Application(Service(settings), AccessLog(None))
    server = Server(application, settings, lambda: True)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        assert runner.run(left_after(EXCHANGES[kind], server)) == []
