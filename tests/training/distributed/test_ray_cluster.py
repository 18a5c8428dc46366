"""A training on a Ray cluster that runs already: too few processors, and a head that is killed."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.own_network import OwnNetwork
from tests.support.paths import PROJECT
from tests.support.processes import wait_until, wait_until_ended
from tests.support.sockets import descendants
from tests.support.worker_pairs import SECONDS, Pair

PYTHON = PROJECT / ".venv-ray" / "bin" / "python"
ADDRESS = "127.0.0.1:6379"
RECONNECT_SECONDS = 5
_RECONNECT = "RAY_gcs_rpc_server_reconnect_timeout_s"
pytestmark = [pytest.mark.process, pytest.mark.tensorflow, pytest.mark.timeout(1800)]


def is_control(pid: str) -> bool:
    """Whether a process is Ray's control service, which the head of a cluster runs."""
    return "gcs_server" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]


@pytest.fixture(scope="module")
def head(
    network: OwnNetwork, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["subprocess.Popen[str]"]:
    """A cluster of one node with two processors."""
    assert PYTHON.exists(), "there is no .venv-ray: make .venv-ray/installed"
    command = [PYTHON, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2"]
    host, port = ADDRESS.split(":")
    options = [f"--node-ip-address={host}", f"--port={port}", "--include-dashboard=false"]
    log = tmp_path_factory.mktemp("cluster") / "head.log"
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    environment[_RECONNECT] = str(RECONNECT_SECONDS)
    with log.open("w") as output:
        process = network.start(
            [*command, *options], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: "Ray runtime started" in log.read_text(), SECONDS)
        yield process
    finally:
        pids = descendants(process.pid)
        process.terminate()
        process.wait(SECONDS)
        wait_until_ended(pids)


def test_missing_processors_are_explained(
    head: "subprocess.Popen[str]", undisturbed: Pair, network: OwnNetwork, tmp_path: Path
) -> None:
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")
    command = pair.start_on_ray(PYTHON, workers=3, cluster=ADDRESS, join_seconds=5)
    assert command.process.wait(SECONDS) == 3, command.output()
    assert (
        "Error: Ray did not start 3 workers with 1 processor each within 5 s (train.join_seconds): "
        "the cluster has room for 2. Use fewer workers (train.workers), or fewer threads for each "
        "(train.threads), or add nodes."
    ) in command.text()


def test_killed_head_ends_the_command(
    head: "subprocess.Popen[str]", undisturbed: Pair, network: OwnNetwork, tmp_path: Path
) -> None:
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")
    pair.hold_at(1)
    command = pair.start_on_ray(
        PYTHON, cluster=ADDRESS, environment={_RECONNECT: str(RECONNECT_SECONDS)}
    )
    pair.wait(1)
    [control] = [pid for pid in descendants(head.pid) if is_control(pid)]
    os.kill(int(control), signal.SIGKILL)
    pair.release(1)
    assert command.process.wait(SECONDS) == 3, command.output()
    print(command.output())
    assert 0
