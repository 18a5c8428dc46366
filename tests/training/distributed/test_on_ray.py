"""Workers on Ray: after kills and stops, the bits of a training that nothing has disturbed."""

import os
import signal
import time
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest

from benchmarks.own_network import OwnNetwork
from tests.support.paths import PROJECT
from tests.support.processes import kill_all, wait_until, wait_until_ended
from tests.support.sockets import descendants, listening_addresses
from tests.support.worker_pairs import SECONDS, Pair, Worker

PYTHON = PROJECT / ".venv-ray" / "bin" / "python"
CHECKPOINT_SECONDS = 10
ON_RAY = [pytest.mark.timeout(1800), pytest.mark.usefixtures("all_cores")]
pytestmark = [pytest.mark.process, pytest.mark.tensorflow, *ON_RAY]


def ray_workers(pid: int) -> set[str]:
    """Return the processes of Ray below another one that train."""
    found = set()
    for process in descendants(pid):
        with suppress(OSError):  # it has ended
            if "RayTrainWorker" in Path(f"/proc/{process}/cmdline").read_text():
                found.add(process)
    return found


def send(workers: set[str], number: signal.Signals) -> None:
    """Send a signal to one of two workers."""
    assert len(workers) == 2
    os.kill(int(min(workers)), number)


def kill(command: Worker) -> None:
    """Kill a command, and wait until its workers have ended; Ray's agents would wait a minute."""
    pid = command.process.pid
    workers, pids = ray_workers(pid), descendants(pid)
    command.process.kill()
    command.process.wait()
    wait_until_ended(workers)
    kill_all(pids)


def test_faults_change_no_bit(undisturbed: Pair, network: OwnNetwork, tmp_path: Path) -> None:
    """The command is killed; when it is started again, a worker is killed, and one stopped."""
    assert PYTHON.exists(), "there is no .venv-ray: make .venv-ray/installed"
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")
    pair.hold_at(1, 2)
    command = pair.start_on_ray(PYTHON)
    try:
        pair.wait(1)
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > CHECKPOINT_SECONDS)
        pair.release(1)
        pair.wait(2)
        [checkpoint] = pair.workspace.glob("runs/checkpoints/*.npz")
    finally:
        kill(command)

    pair.hold_at(2, 3)
    command = pair.start_on_ray(PYTHON)
    pid = command.process.pid
    try:
        pair.wait(2)
        assert_workers_are_fenced(pid)
        killed = ray_workers(pid)
        send(killed, signal.SIGKILL)
        pair.release(2)
        pair.wait(3)
        stopped = ray_workers(pid)
        assert not killed & stopped
        send(stopped, signal.SIGSTOP)
        pair.release(3)
        assert command.process.wait(2 * SECONDS) == 0, command.output()
    finally:
        kill(command)
    assert "Resuming from epoch" in command.output()
    assert not checkpoint.exists()
    assert all(map(np.array_equal, pair.weights(), undisturbed.weights()))


def assert_workers_are_fenced(pid: int) -> None:
    """Check that Ray listens on loopback; TensorFlow in the workers listens on all addresses.

    The workers have the priority of the command.
    """
    workers = ray_workers(pid)
    loopback, everywhere = ip_address("127.0.0.1"), {ip_address("0.0.0.0"), ip_address("::")}
    assert listening_addresses(descendants(pid) - workers, str(pid)) == {loopback}
    assert listening_addresses(workers, str(pid)) <= {loopback, *everywhere}
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert {os.getpriority(os.PRIO_PROCESS, int(worker)) for worker in workers} == {own}
