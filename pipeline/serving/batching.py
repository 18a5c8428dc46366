"""Requests that arrive together are computed together; one alone does not wait.

A small batch costs little more than one image, because the weights are read once. What one pass of
the event loop brought is one batch: nothing waits for a clock.
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

from pipeline.runtimes.predictor import Images, Probabilities
from pipeline.serving.errors import too_late

_LARGE = 16  # images of one request: it gains nothing by joining others
_LOOP_SECONDS = 1e-3  # the longest computation that the event loop does itself


class Answer(NamedTuple):
    """Probabilities, float32 (n, num_classes), and where the time went."""

    probabilities: Probabilities
    queue_seconds: float
    infer_seconds: float


@dataclass(slots=True)
class _Question:
    images: Images
    asked: float
    deadline: float
    answer: asyncio.Future[Answer]


class _Outcome(NamedTuple):
    """What came of a batch; ``started`` and ``ended`` in seconds of ``time.perf_counter``."""

    answer: Probabilities | Exception
    started: float
    ended: float


class Batcher:
    """The way to a version's answers, for one event loop."""

    def __init__(
        self,
        predict: Callable[[Images], Probabilities],
        *,
        most_images: int,
        seconds_of_one: float,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``most_images`` are computed together, 1 for none; ``seconds_of_one`` is what one takes.

        ``on_batch`` is told how many were computed.
        """
        self._predict, self._on_batch = predict, on_batch
        self._most_inline = int(_LOOP_SECONDS / seconds_of_one)
        self._most = min(most_images, self._most_inline) or most_images
        self._large = min(_LARGE, most_images)
        self._waiting: deque[_Question] = deque()
        self._flushing = False

    async def ask(self, images: Images, *, alone: bool, deadline: float) -> Answer:
        """Return the answers to images, uint8 (n, *image_shape), in their order.

        ``alone`` says that no other request is under way, so that none is waited for;
        ``deadline`` is a time of ``time.perf_counter`` in seconds.

        Raises:
            ServingError: (504) the deadline passed before the computation began.
        """
        loop = asyncio.get_running_loop()
        question = _Question(images, time.perf_counter(), deadline, loop.create_future())
        if alone or len(images) >= self._large:
            self._compute([question])
        else:
            self._waiting.append(question)
            self._flush_soon()
        try:
            return await question.answer
        finally:  # an exception of the answer holds this frame, which must not hold the answer
            del question

    def _flush_soon(self) -> None:
        """After the callbacks that are due already: they are the requests that came together."""
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        questions = [self._waiting.popleft()]
        count = len(questions[0].images)
        while self._waiting and count + len(self._waiting[0].images) <= self._most:
            questions.append(self._waiting.popleft())
            count += len(questions[-1].images)
        computing = self._compute(questions)
        if computing is None:
            self._flushed()
        else:  # what arrives meanwhile is the next batch
            computing.add_done_callback(self._flushed)

    def _flushed(self, _: object = None) -> None:
        self._flushing = False
        if self._waiting:
            self._flush_soon()

    def _compute(self, questions: list[_Question]) -> asyncio.Future[_Outcome] | None:
        """Answer questions now, or in the thread where that would hold up the loop."""
        questions = [question for question in questions if _is_wanted(question)]
        if not questions:
            return None
        images = questions[0].images
        if len(questions) > 1:
            images = np.concatenate([question.images for question in questions])
        self._on_batch(len(images))
        if len(images) <= self._most_inline:
            _settle(questions, _outcome(self._predict, images, math.inf))
            return None
        loop = asyncio.get_running_loop()
        last = max(question.deadline for question in questions)
        computing = loop.run_in_executor(_thread(), _outcome, self._predict, images, last)
        computing.add_done_callback(lambda done: _settle(questions, done.result()))
        return computing


@cache
def _thread() -> ThreadPoolExecutor:
    """One: the loop needs a processor too. The runtime releases Python's lock."""
    return ThreadPoolExecutor(1, "inference")


def _outcome(
    predict: Callable[[Images], Probabilities], images: Images, deadline: float
) -> _Outcome:
    started = time.perf_counter()
    if started > deadline:  # it waited for the thread
        return _Outcome(too_late(), started, started)
    try:
        answer: Probabilities | Exception = predict(images)
    except Exception as error:  # noqa: BLE001  (raised again where it was asked)
        answer = error
    return _Outcome(answer, started, time.perf_counter())


def _settle(questions: list[_Question], outcome: _Outcome) -> None:
    """Give each question its own rows."""
    answer, seconds = outcome.answer, outcome.ended - outcome.started
    first = 0
    for question in questions:
        last = first + len(question.images)
        if question.answer.done():  # whoever asked has gone
            pass
        elif isinstance(answer, Exception):
            question.answer.set_exception(answer)
        else:
            waited = outcome.started - question.asked
            question.answer.set_result(Answer(answer[first:last], waited, seconds))
        first = last


def _is_wanted(question: _Question) -> bool:
    """Whether somebody still waits for the answer, and not for too long."""
    if not question.answer.done() and time.perf_counter() > question.deadline:
        question.answer.set_exception(too_late())
    return not question.answer.done()
