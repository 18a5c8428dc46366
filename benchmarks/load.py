"""Load generation: wrk sends requests of one kind over a number of local connections."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import PROJECT
from benchmarks.messages import Message, connect

SCRIPT = PROJECT / "benchmarks" / "load.lua"
WARM_UP_SECONDS = 1
MEASURED_SECONDS = (4, 12, 36)  # longer if a connection may still wait for its first response
TIMEOUT_SECONDS = 30  # per response


@dataclass(frozen=True)
class Load:
    """Measurements of wrk; ``p50_ms`` and ``p99_ms`` are from request to response."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float


class LoadFailed(Exception):
    """A request failed, was aborted or timed out."""


def require_wrk() -> None:
    """Exit if wrk is not installed."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed. Install the package wrk of your system.")


def run_load(messages: Sequence[Message], folder: Path, *, port: int, connections: int) -> Load:
    """Write the requests to a folder, warm up, and measure.

    Raises:
        LoadFailed: a request failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, message in enumerate(messages):
        (folder / str(number)).write_bytes(message.wire(port))
    arguments = folder, len(messages), port, connections
    _wait_until_idle(messages[0], port)
    _wrk(*arguments, WARM_UP_SECONDS)
    for seconds in MEASURED_SECONDS:
        _wait_until_idle(messages[0], port)
        found = _wrk(*arguments, seconds)
        if found["requests"] >= connections:
            return Load(found["requests"] / found["seconds"], found["p50_ms"], found["p99_ms"])
    raise LoadFailed(f"{found['requests']} responses in {seconds} s")


def _wait_until_idle(message: Message, port: int) -> None:
    """Wait for a response: requests that wrk left pending must not slow down the next run."""
    connection = connect(port)
    message.send(connection)
    connection.close()


def _wrk(folder: Path, count: int, port: int, connections: int, seconds: int) -> dict[str, Any]:
    command = [
        *("wrk", "--threads", "1", "--connections", str(connections)),
        *("--duration", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"),
        *("--script", str(SCRIPT), f"http://127.0.0.1:{port}", "--", str(folder), str(count)),
    ]
    limit = seconds + TIMEOUT_SECONDS
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    failed = {kind: found[kind] for kind in ("refused", "broken", "late") if found[kind]}
    if failed:
        raise LoadFailed(f"{failed} of {found['requests']} requests")
    return found
