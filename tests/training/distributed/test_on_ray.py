"""Workers on Ray: the bits of other launches, also after a worker was killed."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from benchmarks.own_network import OwnNetwork
from tests.support.paths import PROJECT
from tests.support.processes import wait_until, wait_until_ended
from tests.support.sockets import descendants
from tests.support.worker_pairs import SECONDS, Pair

PYTHON = PROJECT / ".venv-ray" / "bin" / "python"
CHECKPOINT_SECONDS = 10
pytestmark = [pytest.mark.process, pytest.mark.tensorflow, pytest.mark.timeout(1800)]


def ray_workers(pid: int) -> list[int]:
    """Return the processes of Ray below another one that train."""
    found = []
    for process in descendants(pid):
        with suppress(OSError):  # it has ended
            if "RayTrainWorker" in Path(f"/proc/{process}/cmdline").read_text():
                found.append(int(process))
    return found


def test_killed_worker_changes_no_bit(
    undisturbed: Pair, network: OwnNetwork, tmp_path: Path
) -> None:
    assert PYTHON.exists(), "there is no .venv-ray: make .venv-ray/installed"
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")
    pair.hold_at(1, 2)
    began = time.monotonic()
    command = pair.start_on_ray(PYTHON)
    try:
        pair.wait(1)
        wait_until(lambda: time.monotonic() - began > CHECKPOINT_SECONDS)
        pair.release(1)
        pair.wait(2)
        [checkpoint] = pair.workspace.glob("runs/checkpoints/*.npz")
        workers = ray_workers(command.process.pid)
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        pair.release(2)
        assert command.process.wait(2 * SECONDS) == 0, command.output()
    finally:
        pids = descendants(command.process.pid)
        command.process.kill()
        command.process.wait()
    wait_until_ended(pids)
    assert "Resuming from epoch" in command.output()
    assert not checkpoint.exists()
    assert all(map(np.array_equal, pair.weights(), undisturbed.weights()))
