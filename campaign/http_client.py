"""Send random HTTP requests on many connections; some clients leave without reading."""

import asyncio
import random
import re
import socket
import struct
from contextlib import suppress

from campaign.http_requests import Sent, random_request
from campaign.results import Tally

CONNECTIONS = 16
_ANSWER_SECONDS = 30  # far more than any limit of the server
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [\w -]*\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")


async def send_requests(address: tuple[str, int], count: int, seed: int, tally: Tally) -> None:
    """Send ``count`` random requests, the same for the same seed."""
    each = [count // CONNECTIONS + (n < count % CONNECTIONS) for n in range(CONNECTIONS)]
    chances = [random.Random(f"{seed} {n}") for n in range(CONNECTIONS)]
    await asyncio.gather(
        *(_send(address, n, chance, tally) for n, chance in zip(each, chances, strict=True))
    )


async def _send(address: tuple[str, int], count: int, chance: random.Random, tally: Tally) -> None:
    connection: _Connection | None = None
    for _ in range(count):
        if connection is None:
            connection = await _Connection.open(address)
        sent = random_request(chance)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                usable = await _exchange(connection, sent, chance, tally)
        except TimeoutError:
            tally.fail(f"no answer within {_ANSWER_SECONDS} s to {sent.content[:300]!r}")
            usable = False
        if not usable:
            await connection.close()
            connection = None
    if connection is not None:
        await connection.close()


async def _exchange(
    connection: "_Connection", sent: Sent, chance: random.Random, tally: Tally
) -> bool:
    """Send a request and read what comes; return whether the connection can be used again."""
    ending = chance.random()
    if ending < 0.04:
        copies = sent.content * chance.randint(2, 4)
        await connection.write(copies[: len(copies) - chance.randrange(50)], chance)
        tally.outcomes["client pipelined and reset"] += 1
        connection.reset()
        return False
    await connection.write(sent.content, chance)
    if ending < 0.08:
        tally.outcomes["client reset"] += 1
        connection.reset()
        return False
    if sent.framed and ending < 0.9:
        return await connection.read_response(sent, tally)
    connection.end()
    await connection.read_to_end(sent, tally)
    return False


class _Connection:
    """A connection to the server; errors of the network are expected."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, address: tuple[str, int]) -> "_Connection":
        return cls(*await asyncio.open_connection(*address))

    async def write(self, content: bytes, chance: random.Random) -> None:
        """Write everything, sometimes in two pieces."""
        cut = chance.randrange(len(content) + 1) if chance.random() < 0.1 else len(content)
        try:
            self._writer.write(content[:cut])
            if cut < len(content):
                await asyncio.sleep(0)
                self._writer.write(content[cut:])
            await self._writer.drain()
        except OSError:  # the server refused the first piece
            pass

    async def read_response(self, sent: Sent, tally: Tally) -> bool:
        """Read the response to a complete request; return whether the connection stays open."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await self._reader.readexactly(int(length[1]) if length else 0)
        except (asyncio.IncompleteReadError, OSError) as error:
            tally.fail(f"{type(error).__name__} instead of a response to {sent.content[:300]!r}")
            return False
        _record(head + body, sent, tally)
        return b"\r\nconnection: close\r\n" not in head

    def end(self) -> None:
        """Tell the server that nothing more is sent."""
        with suppress(OSError):
            self._writer.write_eof()

    async def read_to_end(self, sent: Sent, tally: Tally) -> None:
        """Read everything until the server closes the connection."""
        try:
            content = await self._reader.read()
        except OSError:
            tally.outcomes["server reset"] += 1
            return
        if _STATUS.search(content) is None:
            tally.outcomes["server closed"] += 1
        _record(content, sent, tally)

    def reset(self) -> None:
        """Close the connection with RST."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


def _record(content: bytes, sent: Sent, tally: Tally) -> None:
    for status in _STATUS.findall(content):
        tally.outcomes[status.decode()] += 1
        if status == b"500":
            tally.fail(f"500 for {sent.content[:300]!r}")
    if b"Traceback" in content:
        tally.fail(f"a traceback in the response to {sent.content[:300]!r}")
