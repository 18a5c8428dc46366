"""Calling functions that may never return, such as reading from a file system that is gone."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar, TypeVarTuple

A = TypeVarTuple("A")
T = TypeVar("T")
_NAME = "abandonable"


def start(function: Callable[[*A], T], *args: *A) -> Future[T]:
    """Call a function in a thread of its own, which the end of the process does not wait for.

    Executors join their threads when the interpreter exits.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(function(*args))
        except BaseException as error:  # noqa: BLE001  (raised where the result is read)
            future.set_exception(error)

    threading.Thread(target=run, name=_NAME, daemon=True).start()
    return future


def any_running() -> bool:
    """Return whether a function that was started has not returned yet."""
    return any(thread.name == _NAME for thread in threading.enumerate())
