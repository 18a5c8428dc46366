"""Processor time and memory of processes, read from ``/proc``."""

import os
import resource
from pathlib import Path

_BUSY = (0, 1, 2, 7)  # in the line "cpu": user, nice, system, steal
_SESSION, _USER, _SYSTEM = 3, 11, 12  # in /proc/PID/stat, after the name


def members(session: int) -> list[int]:
    """Return all processes of a session: a server and its children."""
    found = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [pid for pid in found if _stat(pid, _SESSION) == session]


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 if it has exited."""
    try:  # statm is cheaper but inexact: its counters are added up with delay
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Rss:")), 0)


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process; 0 if it has exited."""
    return (_stat(pid, _USER) + _stat(pid, _SYSTEM)) / os.sysconf("SC_CLK_TCK")


def own_processor_seconds() -> float:
    """Return the processor time of this process and its exited children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def machine_processor_seconds() -> float:
    """Return the processor time of all processes, including time stolen by other machines."""
    numbers = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return sum(numbers[i] for i in _BUSY) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int, index: int) -> int:
    try:  # "PID (NAME) STATE PARENT GROUP SESSION ..."; a name may contain anything
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[index])
    except OSError:  # the process has exited
        return 0
