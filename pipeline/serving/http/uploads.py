"""Uploads: requests whose bodies are arriving; the slowest are dropped if there are too many."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pipeline.serving.client_addresses import network_of
from pipeline.serving.errors import ServingError, too_many
from pipeline.serving.service import Service

# An upload makes progress with each piece of this size: single bytes would keep a slow one alive.
PROGRESS_BYTES = 16 * 2**10
# An upload without progress for this time may be dropped if others need its memory.
_STALLED_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class Upload:
    """One upload; ``progressed`` is the time of its start or its last progress, by the loop.

    ``error`` is raised if it does not arrive in time, or is dropped.
    """

    network: str
    progressed: float
    timeout: asyncio.Timeout
    error: ServingError
    size: int = 0
    dropped: bool = False


class Uploads:
    """The uploads to one worker, with limits on their number, their time and their memory."""

    def __init__(self, service: Service) -> None:
        self._service, self._limits = service, service.settings.limits
        self._max_bytes = self._limits.in_flight_bytes // 2  # the rest is for complete requests
        self._open: dict[Upload, None] = {}  # the one longest without progress first
        self._counts: Counter[str] = Counter()  # by network
        self._bytes = 0

    @asynccontextmanager
    async def upload(self, address: str) -> AsyncIterator[Upload]:
        """Receive a body from a client's address within the block.

        Raises:
            ServingError: (408) it does not arrive in time; (429) it was the slowest of too many.
        """
        network = network_of(address)
        self._make_room(network)
        now = asyncio.get_running_loop().time()
        upload = Upload(network, now, asyncio.timeout(self._limits.receive_seconds), self._late())
        self._open[upload] = None
        self._counts[network] += 1
        self._service.waiting_for_clients += 1
        try:
            async with upload.timeout:
                yield upload
        except TimeoutError:
            raise upload.error from None
        finally:
            self._service.waiting_for_clients -= 1
            if not upload.dropped:
                self._remove(upload)

    def add(self, upload: Upload, size: int) -> None:
        """Reserve memory for a piece of a body that is not yet complete.

        Raises:
            ServingError: (429) all uploads together would exceed the limit.
        """
        if upload.dropped:
            raise upload.error
        now = asyncio.get_running_loop().time()
        while self._bytes + size > self._max_bytes:
            what = "bytes of incomplete requests are in memory at a time"
            error = too_many(what, self._max_bytes, close=True)
            slowest = next(iter(self._open))
            if slowest is upload or now - slowest.progressed < _STALLED_SECONDS:
                raise error
            self._drop(slowest, error)
        self._service.reserve_memory(size)
        if (upload.size + size) // PROGRESS_BYTES > upload.size // PROGRESS_BYTES:
            upload.progressed = now
            self._open[upload] = self._open.pop(upload)  # to the end
        upload.size += size
        self._bytes += size

    def _make_room(self, network: str) -> None:
        """Drop the slowest upload if there is no place for one more from this network."""
        limit, client_limit = self._limits.uploads, self._limits.client_uploads
        if client_limit and self._counts[network] >= client_limit:
            slowest = next(upload for upload in self._open if upload.network == network)
            what = "requests of one client may arrive at a time"
            self._drop(slowest, _too_slow(what, client_limit, "--max-client-uploads"))
        if len(self._open) >= limit:
            what = "requests may arrive at a time"
            self._drop(next(iter(self._open)), _too_slow(what, limit, "--max-uploads"))

    def _drop(self, upload: Upload, error: ServingError) -> None:
        self._remove(upload)
        upload.error, upload.dropped = error, True
        upload.timeout.reschedule(0)  # its task responds with the error

    def _remove(self, upload: Upload) -> None:
        del self._open[upload]
        self._bytes -= upload.size
        self._counts[upload.network] -= 1
        if not self._counts[upload.network]:
            del self._counts[upload.network]

    def _late(self) -> ServingError:
        seconds = self._limits.receive_seconds
        sentence = f"The request did not arrive within {seconds:g} s (--receive-seconds)."
        return ServingError(408, sentence, close=True)


def _too_slow(what: str, limit: int, option: str) -> ServingError:
    return too_many(f"{what} ({option}), and this one was the slowest", limit, close=True)
