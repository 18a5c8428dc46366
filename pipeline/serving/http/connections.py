"""Connections: heads that come slowly or never end, readers that do not read, a worker that leaves.

uvicorn's protocol does the rest. What is added: it has no limit for the time a request takes to
arrive, for the size of its head and trailers, none for a client that does not read, and on shutdown
it closes connections on which the next request may be on its way.
"""

import asyncio
import re
from typing import Any

import orjson

from pipeline.serving.http.uvicorn_overrides import STATUS_LINE, HttpToolsProtocol
from pipeline.serving.settings import Limits

_LAST_SECONDS = 2.0  # for the application to say that a body is late
# How long a worker that leaves waits for a request that may be on its way: for the first of a
# client that has just connected, and for the next of a busy one.
FIRST_SECONDS = 3.0
_NEXT_SECONDS = 1.0
# Servers may ignore the header Upgrade (RFC 9110, 7.8), with which Java's client begins; the parser
# would stop after it.
_UPGRADE = re.compile(rb"\r\n([Uu][Pp][Gg][Rr][Aa][Dd][Ee]):")
_BEFORE_COLON = len("\r\nUpgrade")


class Connection(HttpToolsProtocol):
    """One connection; ``limits`` and ``leaving`` are set on a subclass for each worker."""

    limits = Limits()
    leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it where there are too many."""
        super().connection_made(_Joined(transport, self.loop))  # type: ignore[arg-type]
        self._in_head = self._in_message = False
        self._head_bytes = 0
        self._head_end = b""  # of the pieces of a head that came before
        self._late_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        if len(self.connections) > self.limits.connections:
            sentence = f"At most {self.limits.connections:,} connections; there are more now."
            self._refuse(429, sentence, b"retry-after: 1\r\n")
            return
        self._await_client()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        for timer in (self._late_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; where a request is not whole then, its client must not take too long."""
        if self._in_head or not self._in_message:
            end = (self._head_end + data[-_BEFORE_COLON:])[-_BEFORE_COLON:]
            super().data_received(_without_upgrade(self._head_end, data))
            self._head_end = end if self._in_head else b""
        else:
            super().data_received(data)
        waiting = self._in_message or self.cycle is None or self.cycle.response_complete
        if waiting and self._late_timer is None and not self.transport.is_closing():
            self._await_client()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head = self._in_message = True
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer of a body in chunks; both count."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self.limits.head_bytes:
            limit = self.limits.head_bytes
            self._refuse(431, f"A request's headers must have at most {limit:,} bytes; got more.")
            return
        super().on_header(name, value)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the path; it counts like a header."""
        self._head_bytes += len(url)
        if self._head_bytes > self.limits.head_bytes:
            limit = self.limits.head_bytes
            self._refuse(431, f"A request's path must have at most {limit:,} bytes; got more.")
            return
        super().on_url(url)

    def on_headers_complete(self) -> None:
        """Start answering."""
        self._in_head = False
        if self.transport.is_closing():  # it was refused
            return
        super().on_headers_complete()
        if self.leaving:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is whole: now we are asked."""
        self._in_message = False
        if self._late_timer is not None:
            self._late_timer.cancel()
            self._late_timer = None
        if self.cycle is not None:
            super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Nobody who reads the log can do anything about a client's CONNECT."""

    def awaits_request(self, waited: float) -> bool:
        """Say if a request may be on its way, ``waited`` seconds into the worker's leave."""
        if self.cycle is None or self._in_message:
            return waited < FIRST_SECONDS
        return self.cycle.response_complete and waited < _NEXT_SECONDS

    def shutdown(self) -> None:
        """Close where nothing is on its way; a request that is half here is answered first."""
        if not self._in_message:
            super().shutdown()

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

    def _await_client(self) -> None:
        self._late_timer = self.loop.call_later(self.limits.receive_seconds, self._client_is_late)

    def _client_is_late(self) -> None:
        """A head that is late is refused here, a body by the application; then it is over."""
        self._late_timer = None
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and not self._in_head:
            self._late_timer = self.loop.call_later(_LAST_SECONDS, self.transport.abort)
        elif self._in_message and not self._in_head:  # what is left of a refused request
            self.transport.abort()
        else:
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


def _without_upgrade(before: bytes, data: bytes) -> bytes:
    """Rename the header Upgrade in a piece of a head; ``before`` is the end of the last piece."""
    text = before + data
    end = text.find(b"\r\n\r\n")
    end = end if end >= 0 else len(text)
    if _UPGRADE.search(text, 0, end) is None:
        return data
    return (_UPGRADE.sub(rb"\r\n\1-ignored:", text[:end]) + text[end:])[len(before) :]


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
