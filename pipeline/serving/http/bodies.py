"""Read request bodies within limits on size, time, number and total memory."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.serving.errors import ServingError, too_large
from pipeline.serving.http.encodings import decompressed, is_compressed
from pipeline.serving.http.messages import Request
from pipeline.serving.http.uploads import Upload, Uploads
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
        self._uploads = Uploads(service)

    async def read(self, request: Request, receive: Receive) -> bytes:
        """Return the body, decompressed; its memory is reserved until the response is sent.

        Raises:
            ServingError: (413) too large; (408) too slow; (415) not compressed with gzip; (429) too
                many other requests are arriving, or too many of their bytes are in memory.
            ClientGone: the client closed the connection.
        """
        compressed = is_compressed(request.header(b"content-encoding"))
        body = await self._received(request, receive)
        if not compressed:
            return body
        pieces = []
        for piece in decompressed(body, self._limits.body_bytes):
            self._reserve(request, len(piece))
            pieces.append(piece)
            await asyncio.sleep(0)  # between two pieces, other requests are served
        return b"".join(pieces)

    async def _received(self, request: Request, receive: Receive) -> bytes:
        announced = int(request.headers.get(b"content-length", b"0"))
        if request.complete and announced <= self._limits.body_bytes:  # as most are
            message = await _received(receive)
            if len(message["body"]) > self._limits.body_bytes:
                raise self._too_large()
            return self._last(request, message)
        async with self._uploads.upload(request.client) as upload:
            if announced > self._limits.body_bytes:
                raise await self._discard_rest(request, receive, upload)
            return await self._read_pieces(request, receive, upload)

    async def _read_pieces(self, request: Request, receive: Receive, upload: Upload) -> bytes:
        chunks = []
        while (message := await _received(receive))["more_body"]:
            self._uploads.add(upload, len(message["body"]))
            request.reserved_bytes += len(message["body"])
            chunks.append(message["body"])
            if request.reserved_bytes > self._limits.body_bytes:
                raise await self._discard_rest(request, receive, upload)
        chunks.append(self._last(request, message))
        if request.reserved_bytes > self._limits.body_bytes:
            raise self._too_large()
        return b"".join(chunks)

    def _last(self, request: Request, message: dict[str, Any]) -> bytes:
        """Return the last piece of a body, or all of it."""
        piece = bytes(message["body"])
        self._reserve(request, len(piece))
        return piece

    def _reserve(self, request: Request, size: int) -> None:
        self._service.reserve_memory(size)
        request.reserved_bytes += size

    async def _discard_rest(
        self, request: Request, receive: Receive, upload: Upload
    ) -> ServingError:
        """Discard the rest of the body, unless the client waits for ``100 Continue``."""
        upload.error = self._too_large()
        if b"expect" not in request.headers:
            await _discard(receive, _MAX_DISCARDED * self._limits.body_bytes)
        return upload.error

    def _too_large(self) -> ServingError:
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
