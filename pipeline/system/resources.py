"""The processors and memory that a process may use, on a machine or in a container."""

import errno
import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
# How NumPy, onnxruntime, TensorFlow, OpenVINO, the loader and threads say it (in lower case).
_NO_MEMORY = (
    "bad_alloc",
    "bad allocation",
    "can't start new thread",
    "cannot allocate memory",
    "failed to allocate memory",
    "failed to map segment from shared object",
    "oom when allocating",
)


def num_processors(cgroups: Path = _CGROUPS, own: Path = _OWN) -> int:
    """Return how many processors this process may use, by affinity and control groups.

    A container with a quota of 1.5 processors gets 2: more threads would only wait.
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    for quota, period in _quotas(cgroups, own):
        allowed = min(allowed, max(1, math.ceil(quota / period)))
    return allowed


def memory_bytes(cgroups: Path = _CGROUPS, own: Path = _OWN) -> int:
    """Return the memory of the machine in bytes, or the limit of the control groups if lower."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    names = ("memory.max", "memory.limit_in_bytes")  # cgroup versions 2 and 1
    files = [folder / name for folder in _folders(cgroups, own, "memory") for name in names]
    limits = [limit for file in files for limit in _numbers(file) if limit > 0]
    return min([physical, *limits])


def lacks_memory(error: BaseException) -> bool:
    """Return whether an error, or one that it was raised from, is due to a lack of memory."""
    chain: BaseException | None = error
    while chain is not None:
        text = str(chain).lower()
        if isinstance(chain, MemoryError) or any(words in text for words in _NO_MEMORY):
            return True
        if isinstance(chain, OSError) and chain.errno == errno.ENOMEM:
            return True
        chain = chain.__cause__
    return False


def _quotas(cgroups: Path, own: Path) -> Iterator[tuple[int, int]]:
    """Yield the processor time allowed in each period, and the period, in microseconds."""
    for folder in _folders(cgroups, own, "cpu"):
        first = _numbers(folder / "cpu.max")  # version 2; "max" where there is no limit
        second = _numbers(folder / "cpu.cfs_quota_us") + _numbers(folder / "cpu.cfs_period_us")
        for numbers in (first, second):
            if len(numbers) == 2 and min(numbers) > 0:  # noqa: PLR2004  (quota and period)
                yield numbers[0], numbers[1]


def _folders(cgroups: Path, own: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the control groups of this process, and their parents.

    A line of ``/proc/self/cgroup`` is ``0::/path`` in version 2, ``4:memory:/path`` in 1.
    """
    for line in ["0::/", f"0:{controller}:/", *_text(own).splitlines()]:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        root = cgroups / controller if controllers else cgroups
        inside = root / path.strip("/")
        yield from (folder for folder in (inside, *inside.parents) if folder.is_relative_to(root))


def _numbers(path: Path) -> list[int]:
    words = _text(path).split()
    return [int(word) for word in words] if all(word.isdecimal() for word in words) else []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
