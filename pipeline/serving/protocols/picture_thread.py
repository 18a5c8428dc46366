"""The thread that decodes pictures."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar, TypeVarTuple

from pipeline.serving.errors import deadline_exceeded

A = TypeVarTuple("A")
T = TypeVar("T")


async def decode_in_thread(deadline: float, decode: Callable[[*A], T], *arguments: *A) -> T:
    """Call a function that decodes pictures, by a deadline in seconds of ``perf_counter``.

    Raises:
        ServingError: (504) the deadline passed.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline - time.perf_counter()):
            return await loop.run_in_executor(_thread(), _in_time, deadline, decode, *arguments)
    except TimeoutError:
        raise deadline_exceeded() from None


def _in_time(deadline: float, decode: Callable[[*A], T], *arguments: *A) -> T:
    if time.perf_counter() > deadline:  # it waited for the thread
        raise deadline_exceeded()
    return decode(*arguments)


@cache
def _thread() -> ThreadPoolExecutor:
    """Return a pool of one thread, so that only one large picture takes memory at a time."""
    return ThreadPoolExecutor(1, "pictures")
