"""Processes that train together, each with a ``TF_CONFIG`` of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from benchmarks.own_network import OwnNetwork

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


def start_workers(
    network: OwnNetwork, module: str, arguments: Sequence[object], *, size: int, logs: Path
) -> list["subprocess.Popen[str]"]:
    """Start all workers, and return them by rank."""
    return [
        start_worker(
            network, module, arguments, size=size, rank=rank, log=logs / f"worker-{rank}.log"
        )
        for rank in range(size)
    ]
