"""The processes below another one, and the addresses on which they listen (Linux)."""

import contextlib
import ipaddress
from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"


def descendants(pid: int) -> set[str]:
    """Return the numbers of all processes that a process has started, and that these have."""
    found: set[str] = set()
    waiting = [str(pid)]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # it has ended
                children = task.read_text().split()
                found.update(children)
                waiting.extend(children)
    return found


def listening_addresses(
    pids: set[str], network: str = "self"
) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Return the addresses on which processes accept TCP connections, in the network of one."""
    own = {inode for pid in pids for inode in _sockets(pid)}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{network}/net/{table}").read_text().splitlines()[1:]
    ]
    return {_address(row[1]) for row in rows if row[3] == _LISTENING and row[9] in own}


def _sockets(pid: str) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):  # it was closed
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                yield target[8:-1]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address of 0100007F:1F90; each group of four bytes is little-endian."""
    digits = bytes.fromhex(text.split(":", maxsplit=1)[0])
    groups = b"".join(digits[n : n + 4][::-1] for n in range(0, len(digits), 4))
    address = ipaddress.ip_address(groups)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
