"""Giving memory back to the system, so that a server's stays level."""

import ctypes
from contextlib import suppress

# Parameters of mallopt(3), in bytes. Setting them keeps them: left alone, glibc raises the first to
# the size of whatever was freed, and model files then come to lie between small blocks.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_OWN_MAPPING_BYTES = 2**20  # and more: model files, pictures, large bodies
_KEPT_BYTES = 8 * 2**20  # free at the end of the heap: what the next requests will need


def return_large_blocks() -> None:
    """Let malloc give large blocks a mapping of their own, which ends when they are freed.

    Only glibc is told so; other allocators stay as they are.
    """
    with suppress(AttributeError, OSError, TypeError):  # no mallopt, no C library to ask
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _OWN_MAPPING_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
