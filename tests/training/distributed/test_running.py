"""Two commands that train one network: stopped, killed, held up and alone."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.support.held_training import HOLD
from tests.support.own_network import OwnNetwork, own_network
from tests.support.paths import SMOKE
from tests.support.processes import wait_until
from tests.support.workers import start_worker

pytestmark = [pytest.mark.process, pytest.mark.tensorflow]
SECONDS = 400
LOST_SECONDS = 10


@pytest.fixture(scope="module")
def network() -> Iterator[OwnNetwork]:
    with own_network() as network:
        yield network


class Pair:
    """The commands of both workers, in a workspace; worker 0 can be held at ends of epochs."""

    def __init__(self, network: OwnNetwork, folder: Path, *, data: Path | None = None) -> None:
        self._network, self._folder = network, folder
        self.workspace, self.hold = folder / "workspace", folder / "hold"
        self.hold.mkdir(parents=True)
        if data is not None:
            shutil.copytree(data, self.workspace / "runs" / "data")
        (folder / "hold.py").write_text(HOLD)
        self._launches = 0

    def start(self, *ranks: int, **settings: object) -> list["Worker"]:
        """Start workers of two."""
        self._launches += 1
        values = {
            "workers": 2,
            "epochs": 3,
            "threads": 1,
            "lost_seconds": LOST_SECONDS,
            "callbacks": f"[{{name: {self._folder / 'hold.py'}:Hold}}]",
            **settings,
        }
        overrides = [
            "model.dropout=0.2",
            *(f"train.{key}={value}" for key, value in values.items()),
        ]
        place = ["--until", "train", "-C", self.workspace]
        return [
            Worker(self._network, ["run", SMOKE, *overrides, *place], rank, self._log(rank))
            for rank in ranks
        ]

    def hold_at(self, *epochs: int) -> None:
        """Let worker 0 wait at the end of these epochs."""
        for path in self.hold.iterdir():
            path.unlink()
        for epoch in epochs:
            (self.hold / f"{epoch}.hold").touch()

    def wait(self, epoch: int) -> None:
        """Wait until worker 0 waits, and worker 1 for it."""
        wait_until((self.hold / f"{epoch}.held").exists, SECONDS)

    def release(self, epoch: int) -> None:
        """Let worker 0 continue."""
        (self.hold / f"{epoch}.go").touch()

    def weights(self) -> list[np.ndarray[Any, Any]]:
        """Return the weights of the only training."""
        [file] = self.workspace.glob("runs/train/*/model.keras")
        weights: list[np.ndarray[Any, Any]] = keras.models.load_model(file).get_weights()
        return weights

    def _log(self, rank: int) -> Path:
        return self._folder / f"{self._launches}-{rank}.log"


class Worker:
    """A running command, whose output is in a file."""

    def __init__(self, network: OwnNetwork, arguments: list[Any], rank: int, log: Path) -> None:
        environment = {"HOLD": str(log.parent / "hold")}
        self.log = log
        self.process: subprocess.Popen[str] = start_worker(
            network, "pipeline", arguments, size=2, rank=rank, log=log, environment=environment
        )

    def output(self) -> str:
        return self.log.read_text()

    def text(self) -> str:
        """Return the output in one line."""
        return " ".join(self.output().split())

    def wait(self) -> int:
        return self.process.wait(SECONDS)


@pytest.fixture(scope="module")
def undisturbed(network: OwnNetwork, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A complete training."""
    pair = Pair(network, tmp_path_factory.mktemp("undisturbed"))
    started = pair.start(0, 1)
    assert [worker.wait() for worker in started] == [0, 0], [w.output() for w in started]
    return pair


def test_other_worker_writes_nothing_and_says_where_results_are(undisturbed: Pair) -> None:
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
    assert "Without a training, the run of worker 0 has ended." in started[1].output()


def assert_lost(worker: Worker, other: str) -> None:
    """Check the message of a command that has lost another one."""
    assert "Traceback" not in worker.output()
    assert (
        f"Error: {other} was lost: it has ended, or does not answer. A training is saved from time "
        "to time: start the command again on all workers to resume."
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


def test_worker_with_another_network_is_refused(
    network: OwnNetwork, undisturbed: Pair, tmp_path: Path
) -> None:
    pair = Pair(network, tmp_path, data=undisturbed.workspace / "runs" / "data")
    [first], [second] = pair.start(0), pair.start(1, seed=1)
    assert [first.wait(), second.wait()] == [3, 3]
    assert (
        "Worker 1 (127.0.0.1:2223) cannot take part in the training. The message of the command on "
        "that worker explains why."
    ) in first.text()
    assert "This worker would train another network than worker 0" in second.output()
