"""Reading bodies: not too long, not too slowly, not too many at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pipeline.serving.http.messages import Request
from pipeline.serving.problems import Problem, too_large, too_many
from pipeline.serving.settings import Limits

Receive = Callable[[], Awaitable[dict[str, Any]]]
T = TypeVar("T")
_MOST_DROPPED = 4  # times the limit: what is read of a body that is refused, so that its sender
# gets to reading the answer


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class Bodies:
    """Reads the bodies of all requests of a worker."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffered = 0

    async def read(self, request: Request, receive: Receive) -> bytes:
        """Return the body.

        Raises:
            Problem: (413) too long; (408) too slow; (415) encoded; (429) no memory for it now.
            ClientGone: there is nobody to answer.
        """
        encoding = request.header(b"content-encoding")
        if encoding and encoding.lower() != "identity":
            raise Problem(
                415,
                f"Bodies must not be compressed; got Content-Encoding {encoding[:40]}. Send it "
                "as it is.",
            )
        length = request.headers.get(b"content-length", b"0")
        if int(length) > self._limits.body_bytes:
            raise await self._refusal(request, receive)
        message = await _received(receive)
        body: bytes = message["body"]
        if message["more_body"]:
            return await self._in_time(self._rest(body, receive, request))
        if len(body) > self._limits.body_bytes:
            raise too_large("A body", self._limits.body_bytes)
        return body

    async def _rest(self, first: bytes, receive: Receive, request: Request) -> bytes:
        """Read what did not come at once."""
        chunks, size = [first], len(first)
        self._buffered += size
        try:
            while True:
                message = await _received(receive)
                chunk: bytes = message["body"]
                chunks.append(chunk)
                size += len(chunk)
                self._buffered += len(chunk)
                if size > self._limits.body_bytes:
                    raise await self._refusal(request, receive)
                if self._buffered > self._limits.buffered_bytes:
                    limit = self._limits.buffered_bytes
                    raise too_many("bytes of bodies are kept at once", limit, close=True)
                if not message["more_body"]:
                    return b"".join(chunks)
        finally:
            self._buffered -= size

    async def _refusal(self, request: Request, receive: Receive) -> Problem:
        """Read on for a while without keeping it, unless the client waits to be told to go on."""
        refusal = too_large("A body", self._limits.body_bytes, close=True)
        if b"expect" in request.headers:
            return refusal
        dropped = 0
        while dropped < _MOST_DROPPED * self._limits.body_bytes:
            message = await self._in_time(_received(receive))
            dropped += len(message["body"])
            if not message["more_body"]:
                break
        return refusal

    async def _in_time(self, reading: Awaitable[T]) -> T:
        seconds = self._limits.receive_seconds
        try:
            async with asyncio.timeout(seconds):
                return await reading
        except TimeoutError:
            raise Problem(
                408, f"A request must arrive within {seconds:g} s; it did not.", close=True
            ) from None


async def _received(receive: Receive) -> dict[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message
