"""Start Ray on this machine, or connect to the cluster that ``RAY_ADDRESS`` names."""

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import MachineError, RequestError, sentence
from pipeline.system.interruption import same_sigterm_handler
from pipeline.system.resources import num_processors
from pipeline.system.scratch import scratch_folder

ADDRESS = "RAY_ADDRESS"
_CONNECT_SECONDS = 10
_LOST_SECONDS = 20  # after 60 s, Ray itself ends this process without a message
_STORE_BYTES = 100 * 2**20  # of Ray's shared memory: results are small
# The paths of Ray's sockets must be short, so its files are in /tmp by default, not in TMPDIR.
_FILES = Path(os.environ.get("RAY_TMPDIR", "/tmp"))  # noqa: S108
_ALWAYS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # no call starts another cluster after the end of this one
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "inf",  # the workspace has all that a study continues from
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",  # processes for trials start at the same time
}
# Ray would listen on all addresses: it replaces 127.0.0.1 by the address of the machine, except
# where it does not support clusters.
_ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
_NICENESS = "RAY_worker_niceness"  # Ray's own is 15: other programs would nearly stop its processes


@contextmanager
def ray_settings() -> Iterator[None]:
    """Set the environment variables that Ray and its processes read, the first when imported."""
    before = dict(os.environ)
    own = {} if os.environ.get(ADDRESS) else {**_ON_LOOPBACK, **_authentication(), **_as_local()}
    os.environ |= {**_ALWAYS, **own}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def check_address() -> None:
    """Check the address of the cluster, if one is given.

    Raises:
        RequestError: it is not that of a cluster.
    """
    address = os.environ.get(ADDRESS, "")
    if "://" in address:
        raise RequestError(
            f"{ADDRESS} must be the HOST:PORT of a Ray cluster, or auto; got {address!r}. Run the "
            "study on a node of the cluster."
        )


@contextmanager
def connected(threads: int) -> Iterator[None]:
    """Connect to Ray, with at least one trial of ``threads`` threads at a time on this machine.

    Raises:
        MachineError: Ray cannot be started, or the cluster cannot be reached.
    """
    import ray

    if ray.is_initialized():  # by a program that uses the Python API
        yield
        return
    address = os.environ.get(ADDRESS)
    files = nullcontext(None) if address else scratch_folder(_FILES)
    with files as folder:
        try:
            _connect(address) if address else _start(threads, folder)
            yield
        finally:
            ray.shutdown()


def cluster_lost(reason: str) -> MachineError:
    """Return the error for a cluster that has ended while it was used."""
    return MachineError(
        f"The Ray cluster was lost during the training: {reason} Run the same command again, when "
        "the cluster is back, to resume from the last checkpoint."
    )


class HeadWatch:
    """Notices that the head of the cluster is gone, before Ray ends this process for it."""

    def __init__(self, address: str) -> None:
        """Watch a head by its ``HOST:PORT``."""
        host, _, port = address.rpartition(":")
        self._address, self._seen = (host.strip("[]"), int(port)), time.monotonic()

    def check(self) -> None:
        """Connect to the head; takes up to a second.

        Raises:
            MachineError: it could not be reached for 20 seconds.
        """
        try:
            socket.create_connection(self._address, 1).close()
        except OSError as error:
            if time.monotonic() - self._seen > _LOST_SECONDS:
                host, port = self._address
                raise cluster_lost(
                    f"its head, {host}:{port}, was not reachable for {_LOST_SECONDS} s "
                    f"({error.strerror or error})."
                ) from error
        else:
            self._seen = time.monotonic()


def capacity(threads: int) -> int:
    """Return how many trials of ``threads`` threads the nodes of the cluster can run at a time."""
    import ray

    nodes = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    return sum(int(processors // threads) for processors in nodes)


def _start(threads: int, folder: Path | None) -> None:
    _init(
        "Ray cannot be started on this machine.",
        address="local",
        num_cpus=max(threads, num_processors()),
        include_dashboard=False,
        object_store_memory=_STORE_BYTES,
        _node_ip_address="127.0.0.1",
        _temp_dir=str(folder),
    )


def _connect(address: str) -> None:
    import ray.util

    failure = f"The Ray cluster {address!r} ({ADDRESS}) cannot be reached."
    host, _, port = address.rpartition(":")
    if port.isdecimal():  # Ray itself would try for minutes
        if host in {"127.0.0.1", "localhost"}:
            host = ray.util.get_node_ip_address()  # as Ray replaces it
        try:
            socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise MachineError(f"{failure} {sentence(error)}") from error
    _init(failure, address=address)


def _init(failure: str, **arguments: Any) -> None:
    import ray

    try:
        with same_sigterm_handler():
            ray.init(logging_level="ERROR", **arguments)
    except (OSError, RuntimeError, ValueError) as error:  # ConnectionError is an OSError
        raise MachineError(f"{failure} {sentence(error)}") from error


@cache
def _authentication() -> dict[str, str]:
    """Let no other user of this machine connect; Ray would store a token in the home folder.

    Ray reads the token once in a process.
    """
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _as_local() -> dict[str, str]:
    """Let Ray's processes compute as local ones do: with the same threads, at the same priority.

    Ray would set another number of threads for NumPy and SciPy, and sums that are divided among
    other numbers of threads are rounded differently.
    """
    own = (
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    wanted = {"OMP_NUM_THREADS": str(len(own)), _NICENESS: "0"}
    return {name: value for name, value in wanted.items() if name not in os.environ}
