"""One core for each process of pytest-xdist, and for the processes that its tests start.

A plugin (``-p``), since it must be imported before NumPy. TensorFlow, onnxruntime and BLAS start a
thread for each core, and the threads of one operation wait for each other actively. Two runs of
``configs/smoke.yaml`` at a time take 29 s on two cores, and 24 s on one core each.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ALL_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def on_all_cores() -> Iterator[None]:
    """Use all cores in the body of a ``with`` statement, in processes that it starts as well."""
    if not ALL_CORES:
        yield
        return
    before = os.sched_getaffinity(0)
    _use(set(ALL_CORES))
    try:
        yield
    finally:
        _use(before)


def _use(cores: set[int]) -> None:
    """Let all threads of this process use these cores: any of them may start processes."""
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(int(thread.name), cores)


_number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if _number.isdecimal() and ALL_CORES:
    _use({ALL_CORES[int(_number) % len(ALL_CORES)]})
