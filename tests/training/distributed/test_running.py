"""Two commands that train one network: stopped, killed, held up and alone."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.own_network import OwnNetwork
from tests.support.processes import wait_until
from tests.support.sockets import listening_addresses
from tests.support.worker_pairs import LOST_SECONDS, SECONDS, Pair, Worker

pytestmark = [pytest.mark.process, pytest.mark.tensorflow]


def test_other_worker_writes_nothing_and_says_where_results_are(undisturbed: Pair) -> None:
    [first] = undisturbed.workspace.parent.glob("1-0.log")
    assert first.read_text().count("2 workers are slower than one for this network") == 1
    [log] = undisturbed.workspace.parent.glob("1-1.log")
    assert "The training has ended. Worker 0 has the results." in log.read_text()
    assert len(list(undisturbed.workspace.glob("runs/records/*.json"))) == 1
    [manifest] = undisturbed.workspace.glob("runs/train/*/manifest.json")
    config = json.loads(manifest.read_text())["ingredients"]["config"]
    assert config["train.workers"] == 2
    assert not {"train.join_seconds", "train.lost_seconds"} & set(config)


def test_network_that_is_up_to_date_is_not_trained(undisturbed: Pair) -> None:
    started = undisturbed.start(0, 1, lost_seconds=11, join_seconds=299)
    assert [worker.wait() for worker in started] == [0, 0]
    assert "The run of worker 0 has ended without training." in started[1].output()


def assert_lost(worker: Worker, other: str) -> None:
    """Check the message of a command that has lost another one."""
    assert "Traceback" not in worker.output()
    assert (
        f"Error: {other} was lost: it exited or stopped responding. Checkpoints are saved during "
        "training: start the command again on all workers to resume."
    ) in worker.text()


@pytest.mark.timeout(1800)  # three trainings
def test_interruptions_change_no_bit(
    undisturbed: Pair, network: OwnNetwork, tmp_path: Path
) -> None:
    """Worker 1 is interrupted, then killed; each time, both are started again."""
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")

    pair.hold_at(1)
    started = pair.start(0, 1)
    pair.wait(1)
    started[1].process.send_signal(signal.SIGINT)
    pair.release(1)
    assert [worker.wait() for worker in started] == [130, 130], [w.output() for w in started]
    [checkpoint] = pair.workspace.glob("runs/checkpoints/*.npz")

    pair.hold_at(2)
    started = pair.start(0, 1)
    pair.wait(2)
    started[1].process.kill()
    started[1].wait()
    pair.release(2)
    assert started[0].wait() == 3, started[0].output()
    assert "Resuming from epoch 2" in started[0].output()
    assert_lost(started[0], "Worker 1 (127.0.0.1:2223)")
    assert checkpoint.exists()

    pair.hold_at()
    started = pair.start(0, 1)
    assert [worker.wait() for worker in started] == [0, 0], [w.output() for w in started]
    assert all(map(np.array_equal, pair.weights(), undisturbed.weights()))


def test_stopped_worker_is_noticed(undisturbed: Pair, network: OwnNetwork, tmp_path: Path) -> None:
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")
    pair.hold_at(1)
    first, second = pair.start(0, 1)
    pair.wait(1)
    second.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    pair.release(1)
    assert first.wait() == 3, first.output()
    assert time.monotonic() - began < LOST_SECONDS + 60
    assert_lost(first, "Worker 1 (127.0.0.1:2223)")
    second.process.kill()
    second.wait()


def test_lost_worker_0_ends_the_others(
    network: OwnNetwork, undisturbed: Pair, tmp_path: Path
) -> None:
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")
    pair.hold_at(1)
    first, second = pair.start(0, 1)
    pair.wait(1)
    first.process.kill()
    assert second.wait() == 3, second.output()
    assert_lost(second, "Worker 0 (127.0.0.1:2222)")
    first.wait()


@pytest.mark.parametrize("rank", [0, 1])
def test_worker_that_never_comes_is_named(network: OwnNetwork, tmp_path: Path, rank: int) -> None:
    pair = Pair(network, tmp_path)
    [alone] = pair.start(rank, join_seconds=2)
    assert alone.wait() == 3
    missing = 1 - rank
    assert (
        f"Error: Worker {missing} (127.0.0.1:222{2 + missing}) did not join within 2 s "
        "(train.join_seconds). Start all workers at about the same time, and check that each can "
        "reach the addresses in TF_CONFIG."
    ) in alone.text()


def test_worker_that_waits_can_be_interrupted(network: OwnNetwork, tmp_path: Path) -> None:
    [worker] = Pair(network, tmp_path).start(1)  # it would wait for 300 s
    pid = str(worker.process.pid)
    wait_until(lambda: listening_addresses({pid}, pid), SECONDS)  # TensorFlow waits, in C++
    worker.process.send_signal(signal.SIGINT)
    assert worker.wait() in {-signal.SIGINT, 130}, worker.output()
    assert "Traceback" not in worker.output()


LISTEN = """
import socket
listening = socket.create_server(('127.0.0.1', 2223))
print(1, flush=True)
input()
"""


def test_address_in_use_is_explained(network: OwnNetwork, tmp_path: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with network.start([sys.executable, "-c", LISTEN], **pipes) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            [worker] = Pair(network, tmp_path).start(1, join_seconds=5)
            assert worker.wait() == 3, worker.output()
        finally:
            other.kill()
    assert (
        "Error: TensorFlow cannot use 127.0.0.1:2223, the address of worker 1 in TF_CONFIG: Could "
        "not start gRPC server. Choose another port, and start all workers in new processes."
    ) in worker.text()


def test_error_of_worker_0_ends_the_others(
    network: OwnNetwork, undisturbed: Pair, tmp_path: Path
) -> None:
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")
    first, second = pair.start(0, 1, batch_size=99_999)
    assert [first.wait(), second.wait()] == [2, 3]
    error = "train.batch_size must be at most the number of training images, 3,667; got 99,999"
    assert f"Error: {error}" in first.text()
    assert f"Error: Worker 0 failed. {error}" in second.text()


def test_worker_with_another_network_is_refused(
    network: OwnNetwork, undisturbed: Pair, tmp_path: Path
) -> None:
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")
    [first], [second] = pair.start(0), pair.start(1, seed=1)
    assert [first.wait(), second.wait()] == [3, 3]
    assert (
        "Worker 1 (127.0.0.1:2223) cannot take part in the training. The error message on that "
        "worker explains why."
    ) in first.text()
    assert "This worker would train a different network than worker 0" in second.output()
