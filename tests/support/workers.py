"""Processes that train together, each with a ``TF_CONFIG`` of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.support.own_network import OwnNetwork

_FIRST_PORT = 2222  # in a network of its own, all ports are free


def tf_config(size: int, rank: int) -> str:
    """Return the variable of a worker among several on this machine."""
    addresses = [f"127.0.0.1:{_FIRST_PORT + n}" for n in range(size)]
    task = {"type": "worker", "index": rank}
    return json.dumps({"cluster": {"worker": addresses}, "task": task})


def start_worker(
    network: OwnNetwork,
    module: str,
    arguments: Sequence[object],
    *,
    size: int,
    rank: int,
    log: Path,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> "subprocess.Popen[str]":
    """Start ``python -m MODULE ARGUMENTS`` as a worker; all output goes to a file."""
    with log.open("w") as output:
        return network.start(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "TF_CONFIG": tf_config(size, rank), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@contextmanager
def workers(
    network: OwnNetwork, module: str, arguments: Sequence[object], *, size: int, logs: Path
) -> Iterator[list["subprocess.Popen[str]"]]:
    """Start all workers, and yield them by rank; after a failed assertion, they are killed."""
    started: list[subprocess.Popen[str]] = []
    try:
        for rank in range(size):
            log = logs / f"worker-{rank}.log"
            started.append(start_worker(network, module, arguments, size=size, rank=rank, log=log))
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()
