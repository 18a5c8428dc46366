"""Waiting for processes and for conditions."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_START_SECONDS = 60


def is_running(pid: str) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())  # empty: exited, not yet reaped
    except OSError:  # it exited, perhaps during the read
        return False


def wait_until_ended(pids: Iterable[str], seconds: float = 120) -> None:
    """Wait until processes have exited by themselves."""
    deadline = time.monotonic() + seconds
    while left := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, f"{left} are still running"
        time.sleep(0.05)


def kill_all(pids: Iterable[str]) -> None:
    """Kill processes that the test has started, and wait until they have ended."""
    pids = list(pids)
    for pid in filter(is_running, pids):
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    wait_until_ended(pids)


def wait_until(condition: Callable[[], object], seconds: float = _START_SECONDS) -> None:
    """Wait until a condition is true; fail after a time limit."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition did not become true in time"
        time.sleep(0.02)


def resident_bytes() -> int:
    """Return the resident memory of this process, mapped files included (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@contextmanager
def not_ignored(number: signal.Signals) -> Iterator[None]:
    """Let processes started here react to a signal, even if these tests run under ``nohup``."""
    previous = signal.getsignal(number)
    if previous is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, previous)
