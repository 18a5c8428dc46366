"""Measurements of worker 0: time, processor time and bytes of repeated calls."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SECONDS = 1.0  # of a measurement
_LIMIT = ("burst", "128kb", "limit", "32mb")  # a burst is as large as two packets of loopback


class Measure:
    """A call that repeats something a number of times, and what each of its runs took."""

    def __init__(
        self,
        call: Callable[[int], object],
        *,
        number: Callable[[], int] | None = None,
        gbit: float | None = None,
        most: int,
        **described: Any,
    ) -> None:
        """Measure ``call``; ``number`` counts the calls of all workers so far.

        With ``gbit``, each of two workers can send so many Gbit/s. ``most`` repetitions are one
        measurement at most.
        """
        self._call, self._number, self._gbit = call, number, gbit
        self._most, self._count, self._described = most, 1, {**described, "gbit": gbit}
        self._rows: list[dict[str, float]] = []

    def prepare(self) -> None:
        """Compile, and find out how many repetitions take long enough."""
        with _limited(self._gbit):
            self._call(1)
            started = time.monotonic()
            self._call(1)
            seconds = time.monotonic() - started
        self._count = max(1, min(self._most, round(_SECONDS / seconds)))

    def take(self) -> None:
        """Measure one round."""
        with _limited(self._gbit):
            sent, used, started = _sent_bytes(), time.process_time(), time.monotonic()
            self._call(self._count)
            found = [time.monotonic() - started, time.process_time() - used, _sent_bytes() - sent]
        names = ("seconds", "cpu", "on_loopback")
        row = {name: value / self._count for name, value in zip(names, found, strict=True)}
        if self._number:
            row |= {"number": self._number(), "count": self._count}
        self._rows.append(row)

    def result(self) -> dict[str, Any]:
        """Return what was measured, and its rounds without the first."""
        return {**self._described, "rounds": self._rows[1:]}


def in_turns(measures: list[Measure], rounds: int) -> list[dict[str, Any]]:
    """Take each measurement once in each round; the first of all does not count."""
    for measure in measures:
        measure.prepare()
    for _ in range(1 + rounds):
        for measure in measures:
            measure.take()
    return [measure.result() for measure in measures]


def _sent_bytes() -> int:
    """Return the bytes that all processes of this network have sent."""
    for line in Path("/proc/self/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            return int(numbers.split()[8])
    raise AssertionError("a network has loopback")


@contextmanager
def _limited(gbit: float | None) -> Iterator[None]:
    """Limit loopback, which both workers share, to twice what each may send."""
    if gbit is None:
        yield
        return
    _tc("add", "tbf", "rate", f"{round(2000 * gbit)}mbit", *_LIMIT)
    try:
        yield
    finally:
        _tc("del")


def _tc(action: str, *rule: str) -> None:
    program = shutil.which("tc") or sys.exit(
        "The benchmark needs tc. Run: apt-get install iproute2"
    )
    subprocess.run([program, "qdisc", action, "dev", "lo", "root", *rule], check=True)
