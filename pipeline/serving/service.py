"""State that the handlers of both ports share: the current catalog, the limits, inference."""

import asyncio
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

from pipeline.runtimes.predictor import Images
from pipeline.serving.batching import InferenceResult
from pipeline.serving.catalog import Catalog
from pipeline.serving.errors import ServingError, too_many
from pipeline.serving.repository import Repository
from pipeline.serving.settings import Settings
from pipeline.serving.traffic.choice import Call
from pipeline.serving.traffic.traffic import Traffic
from pipeline.serving.versions import Version

T = TypeVar("T")
_LONG_BYTES = 256 * 2**10  # of JSON, which takes a few milliseconds to parse


class Service:
    """The state of one worker; only its event loop accesses it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalog = Catalog()
        self.openapi: bytes | None = None  # the document as JSON, until the catalog is replaced
        self.repository: Repository | None = None  # set by the worker
        self.traffic: Traffic | None = None  # set by the worker if there is anything to do
        self.http_tasks: Collection[object] = ()  # set by the HTTP port
        self.grpc_calls = 0
        self.waiting_for_clients = 0  # requests that are arriving, or whose responses are leaving
        self._reserved_bytes = 0
        self.draining = False  # reports not ready, but still accepts requests
        self.shutting_down = asyncio.Event()  # no new requests are accepted

    @property
    def requests_in_progress(self) -> int:
        """The number of requests in progress, including those that are still queued.

        Those that wait for their clients, to receive the body or to send the response, do not
        count: slow clients would take the places of all others.
        """
        return len(self.http_tasks) - self.waiting_for_clients + self.grpc_calls

    @property
    def ready(self) -> bool:
        """Whether this worker should receive new requests."""
        return self.catalog.ready and not self.draining

    def reserve_memory(self, size: int) -> None:
        """Reserve memory for the bytes of a request until its response is sent.

        Raises:
            ServingError: (429) all requests together would exceed the limit.
        """
        limit = self.settings.limits.in_flight_bytes
        if self._reserved_bytes + size > limit:
            raise too_many("bytes of requests are in memory at a time", limit, close=True)
        self._reserved_bytes += size

    def release_memory(self, size: int) -> None:
        """Release the bytes of a request."""
        self._reserved_bytes -= size

    def find(self, name: str, version: str | None = None, label: str | None = None) -> Version:
        """Return the requested version, or the default one.

        Raises:
            ServingError: (404) there is no such model or version; (503) it is not ready.
        """
        return self.catalog.model(name).version(version, label)

    def choose(self, name: str, version: str | None, label: str | None, call: Call) -> Version:
        """Return the version that predicts: the requested one, or one chosen by ``--split``.

        Raises:
            ServingError: (404) there is no such model or version; (503) it is not ready.
        """
        if self.traffic is None:
            return self.find(name, version, label)
        return self.traffic.choose(self.catalog.model(name), version, label, call)

    def deadline(self, seconds: float | None = None) -> float:
        """Return the deadline of a request received now, in seconds of ``time.perf_counter``."""
        limit = self.settings.limits.answer_seconds
        return time.perf_counter() + (limit if seconds is None else min(seconds, limit))

    async def read(self, size: int, reader: Callable[..., T], *arguments: object) -> T:
        """Call a parser on a body and return its result; large bodies are parsed in a thread.

        The same goes for other functions whose time depends on a ``size`` in bytes.
        """
        if size < _LONG_BYTES:
            return reader(*arguments)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_thread(), partial(_without_frames, reader, *arguments))

    async def predict(
        self, version: Version, images: Images, deadline: float, call: Call
    ) -> InferenceResult:
        """Return a version's predictions for images, uint8 (n, *image_shape).

        Raises:
            ServingError: (504) the deadline passed; (500) a prediction is infinity or NaN.
        """
        result = await version.batcher.predict(
            images, alone=self.requests_in_progress == 1, deadline=deadline
        )
        if self.traffic is not None:
            self.traffic.observe(call, version, images, result.predictions)
        return result


def _without_frames(reader: Callable[..., T], *arguments: object) -> T:
    """Call a parser and strip the traceback of its error.

    The frames hold the parsed document, which takes twenty times as much memory as its text, until
    the event loop handles the error; the thread would parse the next body in the meantime.
    """
    try:
        return reader(*arguments)
    except ServingError as problem:
        problem.__context__ = None
        raise problem.with_traceback(None) from None


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "parsing")
