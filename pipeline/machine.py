"""What the machine has: processors this process may use, and memory."""

import os


def num_processors() -> int:
    """Return the number that the affinity mask allows; where there is no such mask, all."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int:
    """Return the size of the physical memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
