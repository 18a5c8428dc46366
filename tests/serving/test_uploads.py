"""Slow uploads: they take no request's place, and the slowest make room for others."""

import asyncio
import select
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.serving.client_addresses import network_of
from pipeline.serving.errors import ServingError
from pipeline.serving.http import uploads
from pipeline.serving.http.bodies import BodyReader
from pipeline.serving.http.messages import Request
from pipeline.serving.service import Service
from pipeline.serving.settings import Limits, Settings
from tests.support.servers import Server, host_and_port, serving

BODY = {"instances": [[[[0]] * 28] * 28]}
PREDICT = "/v1/models/smoke:predict"
UPLOAD = (
    f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\nExpect: 100-continue\r\n\r\n"
).encode()
OWN, OTHER = "127.0.0.1", "127.0.0.2"
PIECE = uploads.PROGRESS_BYTES


def upload(server: Server, opened: ExitStack, address: str = OWN) -> socket.socket:
    """Begin an upload, and wait until the server reads its body."""
    connection = socket.create_connection(
        host_and_port(server), timeout=30, source_address=(address, 0)
    )
    opened.enter_context(connection)
    connection.sendall(UPLOAD)
    assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
    return connection


def open_ones(connections: list[socket.socket]) -> list[socket.socket]:
    """Return the connections on which the server has sent nothing."""
    answered, _, _ = select.select(connections, [], [], 0)
    return [one for one in connections if one not in answered]


@pytest.mark.parametrize("address", [OWN, OTHER])
def test_slow_uploads_shut_out_no_other_client(
    complete: Path, tmp_path: Path, address: str
) -> None:
    """As many as the default limit of one client, with a place for one request at a time."""
    options = ("--max-requests", 1, "--receive-seconds", 3600)
    with serving(complete, *options, log=tmp_path / "log") as server, ExitStack() as opened:
        slow = [upload(server, opened, address) for _ in range(256)]
        session = requests.Session()
        for _ in range(30):
            assert server.predict(BODY).status_code == 200
            assert session.post(server.url + PREDICT, json=BODY, timeout=30).status_code == 200
        # requests sends head and body separately: each request is an upload for a moment.
        assert len(open_ones(slow)) >= (256 if address == OTHER else 256 - 60)
        slow[-1].sendall(b" " * 50_000)
        assert slow[-1].recv(100).startswith(b"HTTP/1.1 400")  # it is answered once it is complete


def test_slowest_upload_of_a_client_is_dropped(complete: Path, tmp_path: Path) -> None:
    options = ("--max-client-uploads", 3, "--receive-seconds", 3600)
    with serving(complete, *options, log=tmp_path / "log") as server, ExitStack() as opened:
        other = upload(server, opened, OTHER)
        slow = [upload(server, opened) for _ in range(4)]
        response = slow[0].recv(65536)
        assert response.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 1" in response
        assert b"connection: close" in response
        error = b"at most 3 requests of one client may arrive at a time (--max-client-uploads), "
        assert error + b"and this one was the slowest." in response
        assert open_ones([other, *slow[1:]]) == [other, *slow[1:]]


def test_slowest_upload_of_all_is_dropped(complete: Path, tmp_path: Path) -> None:
    options = ("--max-client-uploads", 0, "--max-uploads", 3, "--receive-seconds", 3600)
    with serving(complete, *options, log=tmp_path / "log") as server, ExitStack() as opened:
        slow = [upload(server, opened, OTHER), *(upload(server, opened) for _ in range(3))]
        response = slow[0].recv(65536)
        assert response.startswith(b"HTTP/1.1 429")
        error = b"at most 3 requests may arrive at a time (--max-uploads), and this one was"
        assert error in response
        assert open_ones(slow[1:]) == slow[1:]


def test_single_bytes_are_no_progress() -> None:
    """Of two uploads, the one that has sent single bytes is slower."""

    async def run() -> list[Any]:
        reader = BodyReader(Service(Settings(Path(), limits=Limits(client_uploads=2))))
        dripping, steady = Body(), Body()
        tasks = [asyncio.create_task(one.read(reader)) for one in (steady, dripping)]
        await dripping.send(b"x")
        await steady.send(b"x" * PIECE)
        for _ in range(3):
            await dripping.send(b"x")
        third = Body()
        third_task = asyncio.create_task(third.read(reader))
        await third.send(b"", more=False)
        await third_task
        await steady.send(b"y", more=False)
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    steady, dripping = asyncio.run(run())
    assert len(steady) == PIECE + 1
    assert isinstance(dripping, ServingError)
    assert "at most 2 requests of one client" in str(dripping)


def test_uploads_share_half_of_the_memory() -> None:
    """A newer one is rejected while the others progress; complete requests have the other half."""

    async def run() -> list[Any]:
        service = Service(Settings(Path(), limits=Limits(in_flight_bytes=200)))
        reader = BodyReader(service)
        first, second, whole = Body(), Body(), Body()
        tasks = [asyncio.create_task(one.read(reader)) for one in (first, second, whole)]
        await first.send(b"a" * 90)
        await second.send(b"b" * 11)
        await whole.send(b"c" * 100, more=False)
        await first.send(b"a", more=False)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for one in (first, second, whole):
            service.release_memory(one.request.reserved_bytes)
        service.reserve_memory(200)  # all of it is free again
        return list(results)

    first, second, whole = asyncio.run(run())
    assert (len(first), len(whole)) == (91, 100)
    assert isinstance(second, ServingError)
    assert second.status == 429
    assert "at most 100 bytes of incomplete requests are in memory at a time" in str(second)


def test_stalled_upload_is_dropped_if_others_need_its_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "_STALLED_SECONDS", 0)

    async def run() -> list[Any]:
        reader = BodyReader(Service(Settings(Path(), limits=Limits(in_flight_bytes=200))))
        stalled, second = Body(), Body()
        tasks = [asyncio.create_task(one.read(reader)) for one in (stalled, second)]
        await stalled.send(b"a" * 90)
        await second.send(b"b" * 90)
        await second.send(b"b", more=False)
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    stalled, second = asyncio.run(run())
    assert isinstance(stalled, ServingError)
    assert len(second) == 91


class Body:
    """A body that arrives in the pieces that the test sends."""

    def __init__(self) -> None:
        self.request = Request("POST", "/", {}, "id", 0, 0, OWN, complete=False)
        self._pieces: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def read(self, reader: BodyReader) -> bytes:
        return await reader.read(self.request, self._pieces.get)

    async def send(self, piece: bytes, *, more: bool = True) -> None:
        """Send a piece, and let the reader handle it."""
        await self._pieces.put({"type": "http.request", "body": piece, "more_body": more})
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::9", "2001:0db8:0001:0002"),
        ("fe80::1%eth0", "fe80:0000:0000:0000"),
        ("", ""),
    ],
)
def test_addresses_of_one_client(address: str, network: str) -> None:
    assert network_of(address) == network
