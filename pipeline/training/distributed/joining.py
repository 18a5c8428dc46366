"""Connect the workers; each waits for the others, but not for longer than it may."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf.coordination_config_pb2 import CoordinatedJob

# The public API has no timeouts: a worker would wait for an hour for one that never comes.
from tensorflow.python.eager import context

from pipeline.errors import MachineError, sentence
from pipeline.models.threads import use_threads
from pipeline.system.interruption import same_sigterm_handler
from pipeline.training.distributed.group import Group
from pipeline.training.distributed.membership import Membership

if TYPE_CHECKING:
    from pipeline.config.schema import Config

_PROBE_SECONDS = 1.0
_joined: list[Group] = []


def group_for(config: "Config") -> Group | None:
    """Return the group that this process has joined, or None for a training in one process."""
    return _joined[0] if config.train.workers > 1 else None


def has_joined() -> bool:
    """Whether this process is one of several workers."""
    return bool(_joined)


def join(config: "Config", membership: Membership) -> Group:
    """Connect this process with the other workers.

    Raises:
        MachineError: a worker was not there within ``train.join_seconds``, this worker's
            address cannot be used, or this process has joined others before.
        ConfigError: TensorFlow has started with another number of threads.
    """
    if _joined:
        raise MachineError(
            "This process has already trained with several workers, and TensorFlow connects a "
            "process to others only once. Start a new process for each training."
        )
    seconds = config.train.join_seconds
    use_threads(config)
    # gRPC would ask the proxy of http_proxy for the other workers, even for 127.0.0.1.
    hosts = {address.rpartition(":")[0] for address in membership.addresses}
    os.environ.setdefault("no_grpc_proxy", ",".join(sorted(hosts)))
    if membership.leads:  # later, TensorFlow would wait without end, and ignore Ctrl-C
        _await(membership, seconds)
    _configure(membership, seconds, config.train.lost_seconds)
    try:
        with same_sigterm_handler(), _ended_by_signals(membership):
            strategy = _strategy(membership)
    except tf.errors.DeadlineExceededError as error:
        raise _missing(membership, [0], seconds) from error
    except (tf.errors.OpError, RuntimeError) as error:
        raise MachineError(
            f"TensorFlow cannot use {membership.addresses[membership.rank]}, the address of "
            f"worker {membership.rank} in TF_CONFIG: {sentence(error)} Choose another port, and "
            "start all workers in new processes."
        ) from error
    _joined[:] = [Group(membership, strategy)]
    return _joined[0]


@contextmanager
def _ended_by_signals(membership: Membership) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a worker that waits for worker 0; it has nothing to save.

    TensorFlow waits in C++, where no handler of Python runs.
    """
    if membership.leads or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _await(membership: Membership, seconds: int) -> None:
    """Wait until the ports of the other workers are open; they wait for that of worker 0."""
    missing, end = list(range(1, membership.size)), time.monotonic() + seconds
    while missing := [rank for rank in missing if not _is_open(membership.addresses[rank])]:
        if time.monotonic() >= end:
            raise _missing(membership, missing, seconds)
        time.sleep(_PROBE_SECONDS / 5)


def _is_open(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def _configure(membership: Membership, join_seconds: int, lost_seconds: int) -> None:
    jobs = [
        CoordinatedJob(name=job, num_tasks=len(addresses))
        for job, addresses in membership.cluster.items()
        if addresses
    ]
    job, _ = membership.task_of(0)
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{job}/replica:0/task:0",
        cluster_register_timeout_in_ms=join_seconds * 1000,
        heartbeat_timeout_in_ms=lost_seconds * 1000,
        coordinated_jobs=jobs,
    )


def _strategy(membership: Membership) -> tf.distribute.Strategy:
    job, index = membership.task_of(membership.rank)
    communication = tf.distribute.experimental
    return tf.distribute.MultiWorkerMirroredStrategy(
        tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(membership.cluster), task_type=job, task_id=index, rpc_layer="grpc"
        ),
        communication.CommunicationOptions(
            implementation=communication.CommunicationImplementation.RING
        ),
    )


def _missing(membership: Membership, ranks: list[int], seconds: int) -> MachineError:
    named = " and ".join(map(membership.named, ranks))
    return MachineError(
        f"{named[0].upper()}{named[1:]} did not join within {seconds} s (train.join_seconds). "
        "Start all workers at about the same time, and check that each can reach the addresses "
        "in TF_CONFIG."
    )
