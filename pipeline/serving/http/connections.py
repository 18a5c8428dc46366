"""Connections with limits on slow or endless requests and slow readers, and a graceful shutdown.

The rest is uvicorn's protocol, which limits neither the time a request takes to arrive, nor the
size of its head and trailers, nor the time a client takes to read; and on shutdown it closes
connections on which the next request may be on its way. If there are too many connections, the
slowest is closed.
"""

import asyncio
import re
import time

import orjson

from pipeline.serving.client_addresses import network_of
from pipeline.serving.http.slowest import Slowest
from pipeline.serving.http.transport import Transport
from pipeline.serving.http.uploads import PROGRESS_BYTES
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
    """One connection; its class attributes are set on a subclass for each worker.

    ``receiving`` tells whether a request is arriving; ``waiting_since`` is when the client's turn
    began, of ``time.monotonic`` (uvloop counts milliseconds): with the connection, with a request,
    with progress of its body, or after a request.
    """

    limits = Limits()
    slowest = Slowest()
    shutting_down = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection; if there are too many, close the slowest."""
        wrapped = Transport(transport, self.loop, self.limits.receive_seconds)
        super().connection_made(wrapped)  # type: ignore[arg-type]
        self.network = network_of(self.client[0] if self.client else "")
        self.waiting_since = time.monotonic()
        self._in_head = self.receiving = False
        self._head_bytes = self._body_bytes = 0
        self._head_end = b""  # of the pieces of a head received so far
        self._late_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._await_client()
        if len(self.connections) > self.limits.connections:
            slowest = self.slowest.pop(self.connections, time.monotonic())  # type: ignore[arg-type]
            (slowest or self).drop()  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers of the connection, and let go of its requests.

        They refer to the connection: together, only the garbage collector would free them, and it
        stops the worker for 60 ms once there are 1,000 of them.
        """
        # uvicorn does not cancel its own timer if the client has reset the connection.
        for timer in (self._late_timer, self._write_timer, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        self.scope = {}  # type: ignore[typeddict-item]
        self.cycle = None  # type: ignore[assignment]
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        """Parse the data, and limit the time for the rest if a request is incomplete."""
        if self._in_head or not self.receiving:
            end = (self._head_end + data[-_BEFORE_COLON:])[-_BEFORE_COLON:]
            super().data_received(_without_upgrade(self._head_end, data))
            self._head_end = end if self._in_head else b""
        else:
            self._count_progress(len(data))
            super().data_received(data)
        waiting = self.receiving or self.cycle is None or self.cycle.response_complete
        if waiting and self._late_timer is None and not self.transport.is_closing():
            self._await_client()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["state"]["connection"] = self
        self._in_head = self.receiving = True
        self._head_bytes = self._body_bytes = 0
        self.waiting_since = time.monotonic()

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
        self.receiving = False
        self.waiting_since = time.monotonic()
        if self._late_timer is not None:
            self._late_timer.cancel()
            self._late_timer = None
        if self.cycle is not None:
            super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: operators can do nothing about a client's CONNECT."""

    def awaits_request(self, waited: float) -> bool:
        """Return whether a request may be on its way, ``waited`` seconds into the shutdown."""
        if self.cycle is None or self.receiving:
            return waited < FIRST_SECONDS
        return self.cycle.response_complete and waited < _NEXT_SECONDS

    def shutdown(self) -> None:
        """Close the connection, unless a request is arriving, which is completed first."""
        if not self.receiving:
            super().shutdown()

    def patience_used(self, now: float) -> float | None:
        """Return which share of its time the client has used; None if it is not its turn."""
        if self.transport.is_closing() or (self._is_busy() and not self.flow.write_paused):
            return None
        limits = self.limits
        seconds = limits.keep_alive_seconds if self._is_idle() else limits.receive_seconds
        return (now - self.waiting_since) / seconds

    def drop(self) -> None:
        """Close the connection in favor of another, with an error if a request is arriving."""
        self.connections.discard(self)  # at once, since closing takes a while
        is_responded = self.cycle is not None and self.cycle.response_complete
        if self.flow.write_paused or (self.receiving and not self._in_head and is_responded):
            self.transport.abort()  # the client does not read, or sends the rest of a rejected body
        elif self._is_idle():
            self.transport.close()
        else:
            limit = self.limits.connections
            what = f"at most {limit:,} connections are open at a time, and this one was the slowest"
            self._refuse(
                429, f"The server is busy: {what}. Try again later.", b"retry-after: 1\r\n"
            )

    def _is_busy(self) -> bool:
        """Return whether a complete request is being answered."""
        if self.pipeline:
            return True
        return not (self.receiving or self.cycle is None or self.cycle.response_complete)

    def _is_idle(self) -> bool:
        """Return whether the client may send another request."""
        return not (self.receiving or self.cycle is None or self._is_busy())

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

    def _count_progress(self, size: int) -> None:
        """Note progress of a body; single bytes are none."""
        self._body_bytes += size
        if self._body_bytes >= PROGRESS_BYTES:
            self._body_bytes, self.waiting_since = 0, time.monotonic()

    def _await_client(self) -> None:
        self._late_timer = self.loop.call_later(self.limits.receive_seconds, self._client_is_late)

    def _client_is_late(self) -> None:
        """Reject a late head; give the application a moment to reject a late body, then abort."""
        self._late_timer = None
        in_progress = self.cycle is not None and not self.cycle.response_complete
        if in_progress and not self._in_head:
            self._late_timer = self.loop.call_later(_LAST_SECONDS, self.transport.abort)
        elif self.receiving and not self._in_head:  # the rest of a rejected request
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


def connection_class(limits: Limits) -> type[Connection]:
    """Return the class of a worker's connections."""
    attributes = {"limits": limits, "slowest": Slowest(), "shutting_down": False}
    return type("WorkerConnection", (Connection,), attributes)
