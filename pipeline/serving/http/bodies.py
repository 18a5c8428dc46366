"""Reading bodies: not too long, not too slowly, not too many at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.serving.errors import ServingError, too_large
from pipeline.serving.http.messages import Request
from pipeline.serving.service import Service

Receive = Callable[[], Awaitable[dict[str, Any]]]
_MOST_DROPPED = 4  # times the limit: what is read of a body that is refused, so that its sender
# gets to reading the answer


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class Bodies:
    """Reads the bodies of all requests of a worker."""

    def __init__(self, service: Service) -> None:
        self._service, self._limits = service, service.settings.limits

    async def read(self, request: Request, receive: Receive) -> bytes:
        """Return the body; it is kept, and counted, until the request is answered.

        Raises:
            ServingError: (413) too long; (408) too slow; (415) encoded; (429) no memory for it now.
            ClientGone: there is nobody to answer.
        """
        encoding = request.header(b"content-encoding")
        if encoding and encoding.lower() != "identity":
            raise ServingError(
                415,
                f"Bodies must not be compressed; got Content-Encoding {encoding[:40]}. Send it "
                "as it is.",
            )
        if int(request.headers.get(b"content-length", b"0")) > self._limits.body_bytes:
            raise await self._refusal(request, receive)
        message = await _received(receive)
        if not message["more_body"] and len(message["body"]) <= self._limits.body_bytes:
            self._keep(request, message["body"])
            return bytes(message["body"])
        try:
            async with asyncio.timeout(self._limits.receive_seconds):
                return await self._rest(message, receive, request)
        except TimeoutError:
            seconds = self._limits.receive_seconds
            sentence = f"A request must arrive within {seconds:g} s; it did not."
            raise ServingError(408, sentence, close=True) from None

    async def _rest(self, message: dict[str, Any], receive: Receive, request: Request) -> bytes:
        """Read what did not come at once."""
        chunks = []
        while True:
            self._keep(request, message["body"])
            chunks.append(message["body"])
            if request.kept_bytes > self._limits.body_bytes:
                raise await self._refusal(request, receive)
            if not message["more_body"]:
                return b"".join(chunks)
            message = await _received(receive)

    def _keep(self, request: Request, chunk: bytes) -> None:
        self._service.keep(len(chunk))
        request.kept_bytes += len(chunk)

    async def _refusal(self, request: Request, receive: Receive) -> ServingError:
        """Read on for a while without keeping it, unless the client waits to be told to go on."""
        if b"expect" not in request.headers:
            most = _MOST_DROPPED * self._limits.body_bytes
            try:
                async with asyncio.timeout(self._limits.receive_seconds):
                    await _drop(receive, most)
            except TimeoutError:
                pass
        return too_large("A body", self._limits.body_bytes, close=True)


async def _drop(receive: Receive, most: int) -> None:
    dropped, more = 0, True
    while more and dropped < most:
        message = await _received(receive)
        dropped, more = dropped + len(message["body"]), message["more_body"]


async def _received(receive: Receive) -> dict[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message
