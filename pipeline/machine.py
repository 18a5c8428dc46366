"""What the machine has: processors this process may use, and memory."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def num_processors(cgroup: Path = _CGROUP) -> int:
    """Return how many processors this process may use: by affinity and by its control group.

    A container with a quota of 1.5 processors gets 2: more threads would only wait.
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    quota = _quota(cgroup)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def memory_bytes() -> int:
    """Return the size of the physical memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _quota(cgroup: Path) -> float | None:
    """Processors' worth of time a container is given, or None: ``cpu.max`` of version 2, or 1."""
    texts = [
        _read(cgroup / "cpu.max"),
        f"{_read(cgroup / 'cpu/cpu.cfs_quota_us')} {_read(cgroup / 'cpu/cpu.cfs_period_us')}",
    ]
    for text in texts:
        numbers = text.split()
        if len(numbers) == 2 and all(n.isdecimal() for n in numbers) and int(numbers[1]):  # noqa: PLR2004
            return int(numbers[0]) / int(numbers[1])
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
