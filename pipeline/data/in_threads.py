"""Work on many files in several threads, in order and with little memory."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_AT_A_TIME = 256  # results that wait to be used


def in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[list[Result]]:
    """Yield the results of all items in order, in chunks; hashing and decoding release the GIL."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(items), _AT_A_TIME):
            yield list(pool.map(function, items[first : first + _AT_A_TIME]))
