"""Returning freed memory to the system, so that the server's memory use stays level."""

import ctypes
from contextlib import suppress

# Parameters of mallopt(3), in bytes. Setting them turns off glibc's dynamic mmap threshold, which
# rises to the size of each freed mapping; model files would then be allocated among small blocks.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MMAP_BYTES = 2**20  # and above: model files, pictures, large bodies
_FREE_BYTES = 8 * 2**20  # left at the top of the heap for the next requests


def return_large_blocks() -> None:
    """Make malloc allocate large blocks with mmap, so that they are unmapped when freed.

    This affects glibc only; other allocators are left alone.
    """
    with suppress(AttributeError, OSError, TypeError):  # no mallopt, or no C library to load
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _FREE_BYTES)
