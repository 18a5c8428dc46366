"""A training on a Ray cluster that runs already: too few processors, and a head that is killed."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.own_network import OwnNetwork
from tests.support.paths import PROJECT
from tests.support.processes import kill_all, wait_until
from tests.support.sockets import descendants
from tests.support.worker_pairs import SECONDS, Pair

PYTHON = PROJECT / ".venv-ray" / "bin" / "python"
ADDRESS = "127.0.0.1:6379"
ON_RAY = [pytest.mark.timeout(1800), pytest.mark.usefixtures("all_cores")]
pytestmark = [pytest.mark.process, pytest.mark.tensorflow, *ON_RAY]


def is_control(pid: str) -> bool:
    """Whether a process is Ray's control service, which the head of a cluster runs."""
    return "gcs_server" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]


@pytest.fixture(scope="module")
def pair(undisturbed: Pair, network: OwnNetwork, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    data = undisturbed.workspace / "runs" / "data"
    return Pair(network, tmp_path_factory.mktemp("on_cluster"), data=data)


@pytest.fixture(scope="module")
def head(network: OwnNetwork, pair: Pair) -> Iterator["subprocess.Popen[str]"]:
    """A cluster of one node with two processors."""
    assert PYTHON.exists(), "there is no .venv-ray: make .venv-ray/installed"
    command = [PYTHON, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2"]
    host, port = ADDRESS.split(":")
    options = [f"--node-ip-address={host}", f"--port={port}", "--include-dashboard=false"]
    log = pair.workspace.parent / "head.log"
    environment = {**pair.environment, "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    with log.open("w") as output:
        process = network.start(
            [*command, *options],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    pids: set[str] = set()
    try:
        wait_until(lambda: "Ray runtime started" in log.read_text(), SECONDS)
        pids = descendants(process.pid)
        yield process
    finally:
        pids |= descendants(process.pid)
        process.terminate()
        process.wait(SECONDS)
        kill_all(pids)  # Ray's agents would wait a minute


@pytest.mark.usefixtures("head")
def test_missing_processors_are_explained(pair: Pair) -> None:
    command = pair.start_on_ray(PYTHON, workers=3, cluster=ADDRESS, join_seconds=5)
    assert command.process.wait(SECONDS) == 3, command.output()
    assert (
        "Error: Ray did not start 3 workers with 1 processor each within 5 s (train.join_seconds): "
        "the cluster has room for 2. Use fewer workers (train.workers), or fewer threads for each "
        "(train.threads), or add nodes."
    ) in command.text()


def test_killed_head_ends_the_command(head: "subprocess.Popen[str]", pair: Pair) -> None:
    pair.hold_at(1)
    command = pair.start_on_ray(PYTHON, cluster=ADDRESS)
    pair.wait(1)
    [control] = [pid for pid in descendants(head.pid) if is_control(pid)]
    os.kill(int(control), signal.SIGKILL)
    pair.release(1)
    assert command.process.wait(SECONDS) == 3, command.output()
    assert "Error: The Ray cluster was lost during the training: " in command.text()
    assert command.text().endswith(
        "Run the same command again, when the cluster is back, to resume from the last checkpoint."
    )
