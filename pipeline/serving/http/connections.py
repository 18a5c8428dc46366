"""Connections with limits on slow or endless requests and slow readers, and a graceful shutdown.

The rest is uvicorn's protocol, which limits neither the time a request takes to arrive, nor the
size of its head and trailers, nor the time a client takes to read; and on shutdown it closes
connections on which the next request may be on its way.
"""

import asyncio
import re
from typing import Any

import orjson

from pipeline.serving.http.uvicorn_overrides import STATUS_LINE, HttpToolsProtocol
from pipeline.serving.settings import Limits

_LAST_SECONDS = 2.0  # for the application to report that a body is late
# How long a worker that shuts down waits for a request that may be on its way: for the first one of
# a client that has just connected, and for the next one of a busy client.
FIRST_SECONDS = 3.0
_NEXT_SECONDS = 1.0
# Servers may ignore the header Upgrade (RFC 9110, 7.8), which Java's client sends with its first
# request; the parser would stop after it.
_UPGRADE = re.compile(rb"\r\n([Uu][Pp][Gg][Rr][Aa][Dd][Ee]):")
_BEFORE_COLON = len("\r\nUpgrade")


class Connection(HttpToolsProtocol):
    """One connection; ``limits`` and ``shutting_down`` are set on a subclass for each worker."""

    limits = Limits()
    shutting_down = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or reject it if there are too many."""
        super().connection_made(_BufferedTransport(transport, self.loop))  # type: ignore[arg-type]
        self._in_head = self._in_message = False
        self._head_bytes = 0
        self._head_end = b""  # of the pieces of a head received so far
        self._late_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        if len(self.connections) > self.limits.connections:
            limit = self.limits.connections
            sentence = f"The server is busy: at most {limit:,} connections are open at a time."
            self._refuse(429, f"{sentence} Try again later.", b"retry-after: 1\r\n")
            return
        self._await_client()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers of the connection."""
        for timer in (self._late_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, and limit the time for the rest if a request is incomplete."""
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
        """Take a header, or a trailer of a chunked body; both count toward the limit."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self.limits.head_bytes:
            limit = self.limits.head_bytes
            self._refuse(431, f"The request's headers must have at most {limit:,} bytes; got more.")
            return
        super().on_header(name, value)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the path; it counts toward the same limit as the headers."""
        self._head_bytes += len(url)
        if self._head_bytes > self.limits.head_bytes:
            limit = self.limits.head_bytes
            self._refuse(431, f"The request's path must have at most {limit:,} bytes; got more.")
            return
        super().on_url(url)

    def on_headers_complete(self) -> None:
        """Hand the request to the application."""
        self._in_head = False
        if self.transport.is_closing():  # the request was rejected
            return
        super().on_headers_complete()
        if self.shutting_down:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """End the time limit: the request is complete."""
        self._in_message = False
        if self._late_timer is not None:
            self._late_timer.cancel()
            self._late_timer = None
        if self.cycle is not None:
            super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: operators can do nothing about a client's CONNECT."""

    def awaits_request(self, waited: float) -> bool:
        """Return whether a request may be on its way, ``waited`` seconds into the shutdown."""
        if self.cycle is None or self._in_message:
            return waited < FIRST_SECONDS
        return self.cycle.response_complete and waited < _NEXT_SECONDS

    def shutdown(self) -> None:
        """Close the connection, unless a request is arriving, which is completed first."""
        if not self._in_message:
            super().shutdown()

    def pause_writing(self) -> None:
        """Limit the time in which the client must resume reading."""
        super().pause_writing()
        seconds = self.limits.receive_seconds
        self._write_timer = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """End the time limit: the client reads again."""
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Reject invalid HTTP with a JSON error, like all other errors."""
        del msg  # always "Invalid HTTP request received."
        advice = "For https, start the server with --tls-certificate and --tls-key."
        self._refuse(400, f"The request is not valid HTTP/1.1. {advice}")

    def _await_client(self) -> None:
        self._late_timer = self.loop.call_later(self.limits.receive_seconds, self._client_is_late)

    def _client_is_late(self) -> None:
        """Reject a late head; give the application a moment to reject a late body, then abort."""
        self._late_timer = None
        in_progress = self.cycle is not None and not self.cycle.response_complete
        if in_progress and not self._in_head:
            self._late_timer = self.loop.call_later(_LAST_SECONDS, self.transport.abort)
        elif self._in_message and not self._in_head:  # the rest of a rejected request
            self.transport.abort()
        else:
            seconds = self.limits.receive_seconds
            sentence = f"The request did not arrive within {seconds:g} s (--receive-seconds)."
            self._refuse(408, sentence)

    def _refuse(self, status: int, sentence: str, headers: bytes = b"") -> None:
        """Send an error without the application, and close the connection."""
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


class _BufferedTransport:
    """A transport that joins the writes of one pass of the event loop.

    uvicorn writes head and body separately: two system calls, two packets, and a client that wakes
    up twice.
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
    attributes: dict[str, Any] = {"limits": limits, "shutting_down": False}
    return type("WorkerConnection", (Connection,), attributes)
