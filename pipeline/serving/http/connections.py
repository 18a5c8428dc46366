"""Connections: heads that come slowly or never end, readers that do not read, a worker that leaves.

uvicorn's protocol does the rest. What is added: it has no limit for the time or the size of a
request's head, none for a client that does not read, and on shutdown it closes connections on
which the next request may be on its way.
"""

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from pipeline.serving.settings import Limits


class Connection(HttpToolsProtocol):
    """One connection; ``limits`` and ``leaving`` are set on a subclass for each worker."""

    limits = Limits()
    leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it where there are too many."""
        super().connection_made(_Joined(transport, self.loop))  # type: ignore[arg-type]
        self._in_head, self._head_bytes = False, 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        if len(self.connections) > self.limits.connections:
            sentence = f"At most {self.limits.connections:,} connections; there are more now."
            self._refuse(429, sentence, b"retry-after: 1\r\n")
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        for timer in (self._head_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head that is not whole yet is timed and measured."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head_bytes:
                limit = self.limits.head_bytes
                self._refuse(431, f"A request's head must have at most {limit:,} bytes; got more.")
            elif self._head_timer is None:
                self._expect_head()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Start answering it."""
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()
        if self.leaving:
            self.cycle.keep_alive = False

    def pause_writing(self) -> None:
        """Wait for a client that does not read, but not for ever."""
        super().pause_writing()
        seconds = self.limits.receive_seconds
        self._write_timer = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of all other errors."""
        self._refuse(400, f"The request must be HTTP/1.1; it was not understood: {msg}")

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.receive_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        seconds = self.limits.receive_seconds
        self._refuse(408, f"A request must arrive within {seconds:g} s; it did not.")

    def _refuse(self, status: int, sentence: str, headers: bytes = b"") -> None:
        """Answer without the application, and close."""
        if self.transport.is_closing():
            return
        body = orjson.dumps({"error": sentence})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n"
        self.transport.write(STATUS_LINE[status] + headers + head % len(body) + b"\r\n" + body)
        self.transport.close()


class _Joined:
    """A transport that sends what one pass of the loop writes in one piece.

    uvicorn writes head and body apart: two calls of the system, two packets, and a client that is
    woken twice.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces:
            self._transport.write(b"".join(pieces))


def connection_class(limits: Limits) -> type[Connection]:
    """Return the class of a worker's connections."""
    attributes: dict[str, Any] = {"limits": limits, "leaving": False}
    return type("WorkerConnection", (Connection,), attributes)
