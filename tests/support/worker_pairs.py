"""Two commands that train one network; worker 0 can be held at the ends of epochs."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.own_network import OwnNetwork
from benchmarks.workers import start_worker
from tests.support.held_training import HOLD
from tests.support.paths import PROJECT, SMOKE
from tests.support.processes import wait_until

SECONDS = 400
LOST_SECONDS = 10


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
        arguments, logs = self._arguments(settings), [self._log(rank) for rank in ranks]
        return [
            Worker(
                start_worker(
                    self._network,
                    "pipeline",
                    arguments,
                    size=2,
                    rank=rank,
                    log=log,
                    environment=self.environment,
                ),
                log,
            )
            for rank, log in zip(ranks, logs, strict=True)
        ]

    def start_on_ray(self, python: Path, **settings: object) -> "Worker":
        """Start one command, which starts both workers on Ray."""
        self._launches += 1
        log = self._log(0)
        variables = {**os.environ, **self.environment, "PYTHONPATH": str(PROJECT)}
        with log.open("w") as output:
            process = self._network.start(
                [python, "-m", "pipeline", *self._arguments(settings)],
                env=variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Worker(process, log)

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
        import keras

        [file] = self.workspace.glob("runs/train/*/model.keras")
        weights: list[np.ndarray[Any, Any]] = keras.models.load_model(file).get_weights()
        return weights

    @property
    def environment(self) -> dict[str, str]:
        """The variables of all processes."""
        # The tests' proxy, which nothing reaches, applies to loopback too: workers do not use it.
        # A token in the home folder would let clusters ask for it.
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64}
        return {"HOLD": str(self.hold), "no_proxy": "", "NO_PROXY": "", **token}

    def _arguments(self, settings: dict[str, object]) -> list[object]:
        values = {
            "workers": 2,
            "epochs": 4,
            "threads": 1,
            "lost_seconds": LOST_SECONDS,
            "callbacks": f"[{{name: {self._folder / 'hold.py'}:Hold}}]",
            **settings,
        }
        train = [f"train.{key}={value}" for key, value in values.items()]
        place = ["--until", "train", "-C", self.workspace]
        return ["run", SMOKE, "model.dropout=0.2", "model.members=2", *train, *place]

    def _log(self, rank: int) -> Path:
        return self._folder / f"{self._launches}-{rank}.log"


class Worker:
    """A running command, whose output is in a file."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process, self.log = process, log

    def output(self) -> str:
        return self.log.read_text()

    def text(self) -> str:
        """Return the output in one line."""
        return " ".join(self.output().split())

    def wait(self) -> int:
        return self.process.wait(SECONDS)
