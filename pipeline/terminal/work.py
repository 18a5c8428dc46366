"""A task in progress: how much is done, how fast, and how much time is left."""

import math
import time
from dataclasses import dataclass, field

from pipeline.progress import Unit

_MINUTE, _HOUR = 60, 3600
_SHORTEST = 0.3  # seconds; a speed from less time is a guess


@dataclass
class Work:
    """The state of a task; ``Task`` for those who report, the rest for those who show it."""

    description: str
    total: float | None = None
    unit: Unit | None = None
    started: float = field(default_factory=time.monotonic)
    completed: float = 0.0
    detail: str = ""
    _first: tuple[float, float] | None = None
    _last: tuple[float, float] = (0.0, 0.0)

    def update(self, completed: float, detail: str = "") -> None:
        """Report how much is completed; the first report is where the measured work begins."""
        self.completed, self.detail = completed, detail
        self._last = (time.monotonic(), completed)
        self._first = self._first or self._last

    @property
    def share(self) -> float:
        """The completed share, 0 to 1."""
        return min(1.0, self.completed / self.total) if self.total else 0.0

    def count(self) -> str:
        """Return what is done of what, such as ``3/10 epochs``; empty without a total."""
        if not self.total:
            return ""
        unit = f" {self.unit.name}" if self.unit else ""
        if self.total == int(self.total):
            return f"{int(self.completed):,}/{int(self.total):,}{unit}"
        return f"{self.completed:.1f}/{self.total:.1f}{unit}"

    def rate(self) -> str:
        """Return the images per second, to three digits; empty while unknown."""
        speed, images = self._speed(), self.unit.images if self.unit else 0.0
        if not speed or not images:
            return ""
        rate = speed * images
        digits = 2 - math.floor(math.log10(rate))
        return f"{round(rate, digits):,.{max(0, digits)}f} images/s"

    def left(self) -> str:
        """Return the remaining time, such as ``12 s left``; empty while unknown, or overdue."""
        speed = self._speed()
        if not speed or not self.total:
            return ""
        updated, completed = self._last
        seconds = (self.total - completed) / speed - (time.monotonic() - updated)
        return f"{duration(seconds)} left" if seconds > 0 else ""

    def elapsed(self) -> str:
        """Return the time since the start."""
        return duration(time.monotonic() - self.started)

    def _speed(self) -> float | None:
        """Return how much is completed per second, once that is known."""
        if self._first is None:
            return None
        seconds, completed = (
            end - begin for begin, end in zip(self._first, self._last, strict=True)
        )
        return completed / seconds if seconds >= _SHORTEST and completed > 0 else None


def duration(seconds: float) -> str:
    """Return a time in one unit, rounded up: ``12 s``, ``3 min`` or ``1.5 h``."""
    if seconds <= _MINUTE - 1:
        return f"{math.ceil(seconds)} s"
    if seconds <= _HOUR - _MINUTE:
        return f"{math.ceil(seconds / _MINUTE)} min"
    return f"{seconds / _HOUR:.1f} h"
