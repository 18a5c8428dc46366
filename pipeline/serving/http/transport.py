"""The transport that uvicorn gets: a response in one packet, and no errors once it is closed."""

import asyncio
from typing import Any


class Transport:
    """A transport that joins the writes of one pass of the event loop.

    uvicorn writes head and body separately: two system calls, two packets, and a client that wakes
    up twice.

    Calls are ignored once the connection is closed, which clients can do at any moment. asyncio's
    transports do that, and uvicorn relies on it; those of uvloop raise ``RuntimeError``.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, close_seconds: float
    ) -> None:
        """Wrap a transport; one that is closed must send the rest within ``close_seconds``."""
        self._transport, self._loop, self._close_seconds = transport, loop, close_seconds
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write after the callbacks that are already due."""
        if self._transport.is_closing():
            return
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def close(self) -> None:
        """Close once everything is sent, or the client does not read it in time."""
        if self._transport.is_closing():
            return
        self._send()
        unsent = self._transport.get_write_buffer_size()
        self._transport.close()
        if unsent:
            self._loop.call_later(self._close_seconds, self._transport.abort)

    def pause_reading(self) -> None:
        """Stop reading."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def is_closing(self) -> bool:
        """Return whether the connection is closed, or being closed."""
        return self._transport.is_closing()

    def abort(self) -> None:
        """Close without sending the rest."""
        self._transport.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return information such as ``peername``."""
        return self._transport.get_extra_info(name, default)

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))
