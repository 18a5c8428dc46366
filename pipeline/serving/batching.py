"""Dynamic batching: concurrent requests share one inference call; a single request never waits.

A small batch costs little more than one image, because the weights are read once. The requests that
arrive within one iteration of the event loop form a batch, so there is no batching timeout.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from pipeline.runtimes.predictor import Images
from pipeline.serving.errors import deadline_exceeded
from pipeline.tasks.task import Predictions

_LARGE = 16  # images: a request of this size gains nothing from being batched with others
_LOOP_SECONDS = 1e-3  # longer computations run in the inference thread


class InferenceResult(NamedTuple):
    """Predictions, float32 (n, units), with the time spent queued and in inference."""

    predictions: Predictions
    queue_seconds: float
    infer_seconds: float


@dataclass(slots=True)
class _Request:
    images: Images
    queued: float
    deadline: float
    future: asyncio.Future[InferenceResult]


class _Outcome(NamedTuple):
    """The result of a batch; ``started`` and ``ended`` in seconds of ``time.perf_counter``."""

    result: Predictions | Exception
    started: float
    ended: float


class Batcher:
    """Batches the inference requests for one version on one event loop."""

    def __init__(
        self,
        predict: Callable[[Images], Predictions],
        *,
        max_images: int,
        seconds_per_image: float,
        on_batch: Callable[[int], None] = lambda _: None,
        on_result: Callable[[float, float], None] = lambda _, __: None,
    ) -> None:
        """Create a batcher of at most ``max_images`` images per batch; 1 turns batching off.

        ``seconds_per_image`` is the inference time of one image. ``on_batch`` is called with the
        size of each batch, and ``on_result``, unless it fails, with how long its requests together
        waited in the queue and for inference, in seconds.
        """
        self._predict, self._on_batch, self._on_result = predict, on_batch, on_result
        self._max_inline = int(_LOOP_SECONDS / seconds_per_image)
        self._max_images = min(max_images, self._max_inline) or max_images
        self._large = min(_LARGE, max_images)
        self._waiting: deque[_Request] = deque()
        self._flushing = False

    async def predict(self, images: Images, *, alone: bool, deadline: float) -> InferenceResult:
        """Return the predictions for images, uint8 (n, *image_shape), in the same order.

        ``alone`` means that no other request is in progress, so there is nothing to batch with;
        ``deadline`` is in seconds of ``time.perf_counter``.

        Raises:
            ServingError: (504) the deadline passed before inference began.
        """
        loop = asyncio.get_running_loop()
        request = _Request(images, time.perf_counter(), deadline, loop.create_future())
        if alone or len(images) >= self._large:
            self._compute([request])
        else:
            self._waiting.append(request)
            self._flush_soon()
        try:
            return await request.future
        finally:  # break the cycle between an exception of the future and this frame
            del request

    def _flush_soon(self) -> None:
        """Flush after the callbacks that are already due: these requests arrived together."""
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        requests = [self._waiting.popleft()]
        count = len(requests[0].images)
        while self._waiting and count + len(self._waiting[0].images) <= self._max_images:
            requests.append(self._waiting.popleft())
            count += len(requests[-1].images)
        computing = self._compute(requests)
        if computing is None:
            self._flushed()
        else:  # requests that arrive in the meantime form the next batch
            computing.add_done_callback(self._flushed)

    def _flushed(self, _: object = None) -> None:
        self._flushing = False
        if self._waiting:
            self._flush_soon()

    def _compute(self, requests: list[_Request]) -> asyncio.Future[_Outcome] | None:
        """Run inference now, or in the thread if it would block the event loop for too long."""
        requests = [request for request in requests if _is_waiting(request)]
        if not requests:
            return None
        images = requests[0].images
        if len(requests) > 1:
            images = np.concatenate([request.images for request in requests])
        self._on_batch(len(images))
        if len(images) <= self._max_inline:
            self._finish(requests, _outcome(self._predict, images, math.inf))
            return None
        loop = asyncio.get_running_loop()
        last = max(request.deadline for request in requests)
        computing = loop.run_in_executor(_thread(), _outcome, self._predict, images, last)
        computing.add_done_callback(lambda done: self._finish(requests, done.result()))
        return computing

    def _finish(self, requests: list[_Request], outcome: _Outcome) -> None:
        waited = _deliver(requests, outcome)
        if not isinstance(outcome.result, Exception):
            self._on_result(waited, len(requests) * (outcome.ended - outcome.started))


@cache
def _thread() -> ThreadPoolExecutor:
    """Return the inference thread.

    There is one, because the event loop needs a processor too; the runtime releases the GIL.
    """
    return ThreadPoolExecutor(1, "inference")


def _outcome(predict: Callable[[Images], Predictions], images: Images, deadline: float) -> _Outcome:
    started = time.perf_counter()
    if started > deadline:  # it waited for the thread
        return _Outcome(deadline_exceeded(), started, started)
    try:
        result: Predictions | Exception = predict(images)
    except Exception as error:  # noqa: BLE001  (raised again in Batcher.predict)
        result = error
    return _Outcome(result, started, time.perf_counter())


def _deliver(requests: list[_Request], outcome: _Outcome) -> float:
    """Pass each request its rows of the result; return how long all together were queued."""
    result, seconds = outcome.result, outcome.ended - outcome.started
    first, queue_seconds = 0, 0.0
    for request in requests:
        last = first + len(request.images)
        waited = outcome.started - request.queued
        queue_seconds += waited
        if request.future.done():  # canceled: the client has disconnected
            pass
        elif isinstance(result, Exception):
            request.future.set_exception(result)
        else:
            request.future.set_result(InferenceResult(result[first:last], waited, seconds))
        first = last
    return queue_seconds


def _is_waiting(request: _Request) -> bool:
    """Return whether the client is still waiting and the deadline has not passed."""
    if not request.future.done() and time.perf_counter() > request.deadline:
        request.future.set_exception(deadline_exceeded())
    return not request.future.done()
