"""How many processors this process may use."""

import os


def num_processors() -> int:
    """Return the number that the affinity mask allows; where there is no such mask, all."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
