"""Slow clients beside a good one: how many of its requests are answered, and how fast.

    python -m campaign.slow_clients --workspace . --seconds 30

starts a server and prints, as JSON, one result for each kind of slow client, from another loopback
address and from the good client's own.
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.servers import host_and_port, serving

HOST, OTHER = "127.0.0.1", "127.0.0.2"
_PER_SECOND, _GOOD_CONNECTIONS = 200, 8  # of the good client; every other connection is reused
# Opened by the slow clients, which replace the connections that they lose.
_OPENED_PER_SECOND = {"large": 5, "unread": 100}  # of 16 MB and 140 kB: more would be a flood
_OTHERS_PER_SECOND = 200
_SETTLE_SECONDS = 3  # for the server to handle what the slow clients send at once
_TIMEOUT_SECONDS = 10
_PAUSE_SECONDS = 0.02
_DRIP_SECONDS = 1.0  # about, between two bytes of a slow client, which do not all send at once
_POST = b"POST /v1/models/%s:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
_GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
_LARGE = 16 * 2**20
# Of a client that does not read: the server has to keep the response. Segments are those of
# Ethernet: with those of loopback, 64 kB, the system would take the response from the server.
_RECEIVE_BUFFER, _SEGMENT = 4096, 1460
_UNREAD_SECONDS = 11  # then it connects again, as the server has given up: that cannot be seen

# Kind -> what a slow client sends at once, and then one byte at a time; {} is the model's name.
KINDS: dict[str, Callable[[bytes], tuple[bytes, bytes]]] = {
    "body": lambda model: (_POST % (model, 5000) + b"{" * 2500, b" "),
    "head": lambda model: (b"POST /v1/models/%s:predict HTTP/1.1\r\nX-Slow: " % model, b"x"),
    "silent": lambda _: (b"", b""),
    "idle": lambda _: (_GET % b"/v2/health/live", b""),
    "unread": lambda _: (_GET % b"/openapi.json", b""),  # 140 kB
    "large": lambda model: (_POST % (model, _LARGE) + b" " * (_LARGE - 1), b""),
}


class _SlowClient(asyncio.Protocol):
    """One slow connection, which adds itself to ``connections`` while it is open."""

    def __init__(self, connections: set["_SlowClient"], kind: str, model: str) -> None:
        self._connections, self._reads = connections, kind != "unread"
        self._first, self._rest = KINDS[kind](model.encode())
        self._drips = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._connections.add(self)
        if not self._reads:
            transport.pause_reading()
        transport.write(self._first)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._connections.discard(self)

    def drip(self) -> None:
        if self._rest and not self._transport.is_closing():
            self._transport.write(self._rest)
        self._drips += 1
        if not self._reads and self._drips > _UNREAD_SECONDS / _DRIP_SECONDS:
            self._transport.abort()


def _attack(kind: str, model: str, port: int, count: int, address: str, opened: Any) -> None:
    """Keep ``count`` slow connections open until the process is ended."""
    per_second = _OPENED_PER_SECOND.get(kind, _OTHERS_PER_SECOND)

    async def attack() -> None:
        loop, turn, turns = asyncio.get_running_loop(), 0, int(_DRIP_SECONDS / _PAUSE_SECONDS)
        connections: set[_SlowClient] = set()
        due = 0.0  # connections to open
        while True:
            due = min(due + per_second * _PAUSE_SECONDS, count - len(connections))
            for _ in range(int(due)):
                due -= 1
                sock = await _connected(port, address, reads=kind != "unread")
                await loop.create_connection(
                    lambda: _SlowClient(connections, kind, model), sock=sock
                )
                opened.value += 1
            for connection in list(connections)[turn::turns]:
                connection.drip()
            turn = (turn + 1) % turns
            await asyncio.sleep(_PAUSE_SECONDS)

    asyncio.run(attack())


async def _connected(port: int, address: str, *, reads: bool) -> socket.socket:
    """Connect from an address, with as little room as possible for what is not read."""
    sock = socket.socket()
    sock.setblocking(False)
    if not reads:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
    sock.bind((address, 0))
    await asyncio.get_running_loop().sock_connect(sock, (HOST, port))
    return sock


@contextmanager
def _slow_clients(kind: str, model: str, port: int, count: int, address: str) -> Iterator[Any]:
    """Run slow clients in a process of their own; yield the number of connections opened."""
    spawn = multiprocessing.get_context("spawn")
    opened = spawn.Value("q", 0)
    process = spawn.Process(target=_attack, args=(kind, model, port, count, address, opened))
    process.start()
    try:
        while opened.value < count:
            assert process.is_alive(), "the slow clients could not connect"
            time.sleep(_PAUSE_SECONDS)
        time.sleep(_SETTLE_SECONDS)
        yield opened
    finally:
        process.terminate()
        process.join()


class _GoodClient:
    """Sends a request at fixed times, and notes the seconds that each response took."""

    def __init__(self, port: int, model: str) -> None:
        self._port = port
        body = json.dumps({"instances": [[[[0]] * 28] * 28]}).encode()
        self._request = _POST % (model.encode(), len(body)) + body
        self.seconds: list[float] = []
        self.failures: list[str] = []

    def run(self, seconds: float) -> dict[str, Any]:
        """Send requests for some seconds, and return what became of them."""
        asyncio.run(self._run(seconds))
        count = len(self.seconds) + len(self.failures)
        p50, p99 = np.percentile(self.seconds or [np.nan], [50, 99]) * 1000
        return {
            "requests": count,
            "answered": len(self.seconds),
            "share": len(self.seconds) / count,
            "p50_ms": round(float(p50), 3),
            "p99_ms": round(float(p99), 3),
            "failures": {text: self.failures.count(text) for text in set(self.failures)},
        }

    async def _run(self, seconds: float) -> None:
        began = asyncio.get_running_loop().time()
        times = [
            [
                began + number / _PER_SECOND
                for number in range(first, int(seconds * _PER_SECOND), _GOOD_CONNECTIONS)
            ]
            for first in range(_GOOD_CONNECTIONS)
        ]
        await asyncio.gather(*(self._send(at, reuse=i % 2 == 0) for i, at in enumerate(times)))

    async def _send(self, times: list[float], *, reuse: bool) -> None:
        loop = asyncio.get_running_loop()
        connection = None
        for due in times:
            await asyncio.sleep(max(0, due - loop.time()))
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    if connection is None or connection[0].at_eof():
                        connection = await asyncio.open_connection(
                            HOST, self._port, local_addr=(HOST, 0)
                        )
                    status = await self._exchange(*connection)
            except (OSError, EOFError, TimeoutError) as error:
                status = type(error).__name__
            if status == "200":
                self.seconds.append(loop.time() - due)
            else:
                self.failures.append(status)
            if connection and not (reuse and status == "200"):
                connection[1].close()
                connection = None

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """Send one request and return the status of the response."""
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        return head.split()[1].decode()


@contextmanager
def _server(workspace: Path, options: list[str]) -> Iterator[tuple[int, str, Path]]:
    """Run a server; yield its port, the name of its first model, and its log."""
    with tempfile.TemporaryDirectory(prefix="pipeline-campaign-") as folder:
        log = Path(folder) / "log"
        with serving(workspace.resolve(), *options, log=log) as server:
            model = min(path.parent.name for path in workspace.glob("exported/*/1"))
            yield host_and_port(server)[1], model, log


def measure(
    seconds: float,
    connections: int,
    address: str,
    *,
    kind: str = "body",
    workspace: Path = Path(),
    options: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return a good client's figures, quiet and beside slow clients of one kind from an address.

    ``options`` are further options of ``pipeline serve``; ``workspace`` has a published model.
    """
    with _server(workspace, list(options)) as (port, model, log):
        _GoodClient(port, model).run(2)
        quiet = _GoodClient(port, model).run(seconds)
        with _slow_clients(kind, model, port, connections, address) as opened:
            beside = _GoodClient(port, model).run(seconds)
        events = [json.loads(line) for line in log.read_text().splitlines()]
        return {
            "kind": kind,
            "connections": connections,
            "opened": opened.value,
            "address": address,
            "quiet": quiet,
            "beside": beside,
            "p99_ratio": round(beside["p99_ms"] / quiet["p99_ms"], 2),
            "errors_logged": sum("traceback" in event for event in events),
        }


def main() -> None:
    """Measure every kind of slow client and print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=Path())
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--address", action="append")
    arguments = parser.parse_args()
    for kind in arguments.kind or KINDS:
        for address in arguments.address or (OTHER, HOST):
            count = min(arguments.connections, 16) if kind == "large" else arguments.connections
            result = measure(
                arguments.seconds, count, address, kind=kind, workspace=arguments.workspace
            )
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
