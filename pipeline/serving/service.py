"""What handlers of both ports need: the catalogue of the moment, the limits, the way to answers."""

import asyncio
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

from pipeline.runtimes.predictor import Images
from pipeline.serving.batching import Answer
from pipeline.serving.catalogue import Catalogue
from pipeline.serving.errors import ServingError, too_many
from pipeline.serving.settings import Settings
from pipeline.serving.versions import Version

T = TypeVar("T")
_LONG_BYTES = 256 * 2**10  # of JSON: a few milliseconds


class Service:
    """The state of one worker; all of it is touched by its event loop alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalogue = Catalogue()
        self.http_tasks: Collection[object] = ()  # set by the HTTP port
        self.grpc_calls = 0
        self._kept_bytes = 0
        self.draining = False  # not ready any more, but whoever comes is answered
        self.leaving = asyncio.Event()  # nobody new is taken

    @property
    def under_way(self) -> int:
        """How many requests have come and are not answered yet, those not looked at included."""
        return len(self.http_tasks) + self.grpc_calls

    @property
    def ready(self) -> bool:
        """Whether new requests should be sent here."""
        return self.catalogue.ready and not self.draining

    def keep(self, size: int) -> None:
        """Count bytes of requests that are kept until they are answered.

        Raises:
            ServingError: (429) there is no place for them now.
        """
        limit = self.settings.limits.kept_bytes
        if self._kept_bytes + size > limit:
            raise too_many("bytes of requests are kept at once", limit, close=True)
        self._kept_bytes += size

    def forget(self, size: int) -> None:
        """Count them no more."""
        self._kept_bytes -= size

    def find(self, name: str, version: str | None = None, label: str | None = None) -> Version:
        """Return the version asked for, else the one that counts.

        Raises:
            ServingError: (404) there is none; (503) it is not ready.
        """
        return self.catalogue.model(name).version(version, label)

    def deadline(self, seconds: float | None = None) -> float:
        """Return when an answer that is asked for now comes too late, of ``perf_counter``."""
        limit = self.settings.limits.answer_seconds
        return time.perf_counter() + (limit if seconds is None else min(seconds, limit))

    async def read(self, size: int, reader: Callable[..., T], *arguments: object) -> T:
        """Return what a parser makes of a body; one of many bytes is parsed in a thread."""
        if size < _LONG_BYTES:
            return reader(*arguments)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_thread(), partial(_light, reader, *arguments))

    async def ask(self, version: Version, images: Images, deadline: float) -> Answer:
        """Return a version's answers to images, uint8 (n, *image_shape).

        Raises:
            ServingError: (504) the deadline passed; (500) an answer is not a number.
        """
        return await version.answers.ask(images, alone=self.under_way == 1, deadline=deadline)


def _light(reader: Callable[..., T], *arguments: object) -> T:
    """Raise problems without the frames that they came through.

    They hold what was parsed, which takes twenty times as much memory as its text, until the event
    loop gets to the problem; the thread would parse the next body meanwhile.
    """
    try:
        return reader(*arguments)
    except ServingError as problem:
        problem.__context__ = None
        raise problem.with_traceback(None) from None


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "parsing")
