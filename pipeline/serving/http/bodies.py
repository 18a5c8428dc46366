"""Read request bodies within limits on size, time and total memory."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.serving.errors import ServingError, too_large
from pipeline.serving.http.messages import Request
from pipeline.serving.service import Service

Receive = Callable[[], Awaitable[dict[str, Any]]]
# A rejected body is read up to this many times the limit, since many clients read the response only
# after they have sent the whole request.
_MAX_DISCARDED = 4


class ClientGone(Exception):
    """The client closed the connection before it had sent the whole request."""


class BodyReader:
    """Reads the bodies of all requests to a worker."""

    def __init__(self, service: Service) -> None:
        self._service, self._limits = service, service.settings.limits

    async def read(self, request: Request, receive: Receive) -> bytes:
        """Return the body; its memory is reserved until the response is sent.

        Raises:
            ServingError: (413) too large; (408) too slow; (415) compressed; (429) too many bytes of
                other requests are in memory.
            ClientGone: the client closed the connection.
        """
        encoding = request.header(b"content-encoding")
        if encoding and encoding.lower() != "identity":
            raise ServingError(
                415,
                f"Bodies must not be compressed; got Content-Encoding {encoding[:40]}. Send the "
                "body uncompressed.",
            )
        if int(request.headers.get(b"content-length", b"0")) > self._limits.body_bytes:
            raise await self._discard_rest(request, receive)
        message = await _received(receive)
        if not message["more_body"] and len(message["body"]) <= self._limits.body_bytes:
            self._reserve(request, message["body"])
            return bytes(message["body"])
        try:
            async with asyncio.timeout(self._limits.receive_seconds):
                return await self._read_rest(message, receive, request)
        except TimeoutError:
            seconds = self._limits.receive_seconds
            sentence = f"The request did not arrive within {seconds:g} s (--receive-seconds)."
            raise ServingError(408, sentence, close=True) from None

    async def _read_rest(
        self, message: dict[str, Any], receive: Receive, request: Request
    ) -> bytes:
        """Read a body that arrives in several pieces; ``message`` is the first."""
        chunks = []
        while True:
            self._reserve(request, message["body"])
            chunks.append(message["body"])
            if request.reserved_bytes > self._limits.body_bytes:
                raise await self._discard_rest(request, receive)
            if not message["more_body"]:
                return b"".join(chunks)
            message = await _received(receive)

    def _reserve(self, request: Request, chunk: bytes) -> None:
        self._service.reserve_memory(len(chunk))
        request.reserved_bytes += len(chunk)

    async def _discard_rest(self, request: Request, receive: Receive) -> ServingError:
        """Discard the rest of the body, unless the client waits for ``100 Continue``."""
        if b"expect" not in request.headers:
            limit = _MAX_DISCARDED * self._limits.body_bytes
            try:
                async with asyncio.timeout(self._limits.receive_seconds):
                    await _discard(receive, limit)
            except TimeoutError:
                pass
        return too_large("The body", self._limits.body_bytes, close=True)


async def _discard(receive: Receive, limit: int) -> None:
    discarded, more = 0, True
    while more and discarded < limit:
        message = await _received(receive)
        discarded, more = discarded + len(message["body"]), message["more_body"]


async def _received(receive: Receive) -> dict[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message
