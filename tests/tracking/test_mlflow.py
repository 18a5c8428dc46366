"""Runs tracked by a real MLflow server, which is killed in mid-run, and by others than that one."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import api
from pipeline.errors import AccuracyTooLow, ConfigError
from pipeline.progress import Silent, Task, TrainingCost, Unit
from pipeline.tracking.journal import Journal, journals
from tests.support.command_line import ONNX_ALONE, in_process
from tests.support.mlflow_servers import PYTHON, MlflowServer, mlflow_packages, mlflow_server
from tests.support.paths import PROJECT, SMOKE
from tests.support.processes import wait_until
from tests.support.sockets import descendants

pytestmark = [pytest.mark.process, pytest.mark.tensorflow, pytest.mark.timeout(600)]
READ = PROJECT / "tests" / "tracking" / "read_mlflow.py"
EPOCHS, KILLED_AFTER = 4, 3


class Told(Silent):
    """Keeps messages and the descriptions of tasks."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def notice(self, text: str) -> None:
        self.texts.append(text)

    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> AbstractContextManager[Task]:
        self.texts.append(description)
        return super().task(description, total, unit=unit)


class Killer(Told):
    """Kills the server after an epoch, once all epochs so far were sent."""

    def __init__(self, server: MlflowServer, folder: Path) -> None:
        super().__init__()
        self.server, self.folder = server, folder

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        del logs, cost
        if epoch == KILLED_AFTER:
            [journal] = journals(self.folder)
            wait_until(lambda: not journal.pending(), 300)
            self.server.kill()


class Impatient(Silent):
    """Presses Ctrl-C when the run waits for MLflow."""

    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> AbstractContextManager[Task]:
        if "MLflow" in description:
            raise KeyboardInterrupt
        return super().task(description, total, unit=unit)


@dataclass(frozen=True)
class Tracked:
    """A workspace with a run whose server was killed, what the user was told, and the server."""

    workspace: Path
    told: list[str]
    uri: str
    port: int
    server: Path

    def journal(self, uri: str) -> Journal:
        [run] = {journal.run for journal in journals(self.workspace / "runs" / "tracking")}
        return Journal.of(self.workspace / "runs" / "tracking", run, uri)


def run(workspace: Path, uri: str, *overrides: str, progress: Silent | None = None) -> None:
    settings = [f"train.epochs={EPOCHS}", *ONNX_ALONE, f"track.mlflow={uri}", *overrides]
    api.run(SMOKE, settings, workspace=workspace, progress=progress)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    folder = tmp_path_factory.mktemp("tracked")
    workspace = folder / "workspace"
    workspace.mkdir()
    with mlflow_packages():
        with mlflow_server(folder / "server") as server:
            uri, port = server.uri, server.port
            killer = Killer(server, workspace / "runs" / "tracking")
            run(workspace, uri, progress=killer)
        yield Tracked(workspace, killer.texts, uri, port, folder / "server")


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URI of a server that accepts connections and never replies."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_run_goes_on_without_its_server_and_tells_what_was_not_sent(tracked: Tracked) -> None:
    rest = f"{EPOCHS - KILLED_AFTER} epoch and version 1 (Connection refused)"
    command = f"pipeline track sync -C {tracked.workspace}"
    assert tracked.told[-2:] == [
        f"sending to MLflow at {tracked.uri}, at most 30 s",
        f"Not sent to MLflow at {tracked.uri}: {rest}. To send the rest: {command}",
    ]
    name = tracked.journal(tracked.uri).run
    done = in_process("track", "status", "-C", tracked.workspace)
    assert done.out == f"{name} to {tracked.uri}: not sent: {rest}\n"
    version = tracked.workspace / "exported" / "smoke" / "1"
    for path in (version / "manifest.json", version / "README.md", version / "report.html"):
        assert str(tracked.port) not in path.read_text()


def test_sync_completes_the_record(tracked: Tracked, tmp_path: Path) -> None:
    done = in_process("track", "sync", "-C", tracked.workspace)  # the server is still down
    assert (done.code, "not sent: " in done.out) == (3, True)
    with mlflow_server(tracked.server, tracked.port):
        command = [sys.executable, "-m", "pipeline", "track", "sync", "-C", str(tracked.workspace)]
        syncs = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
        assert [process.wait() for process in syncs] == [0, 0]
        [state] = (tracked.workspace / "runs" / "tracking").glob("*.sent")
        state.unlink()  # as if a sync was killed before it stored how much was sent
        done = in_process("track", "sync", "-C", tracked.workspace)
        assert (done.code, done.out.endswith(": sent\n")) == (0, True)
        assert_complete(tracked, tmp_path)


def assert_complete(tracked: Tracked, folder: Path) -> None:
    """Check that everything is stored, once."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
    np.save(folder / "images.npy", pixels)
    found = stored(tracked.uri, folder / "images.npy")
    [run] = found["runs"]
    assert run["status"] == "FINISHED"
    assert run["params"]["optimizer.name"] == "adam"
    [train] = (tracked.workspace / "runs" / "train").iterdir()
    history = json.loads((train / "history.json").read_text())
    for key in ("loss", "val_accuracy"):
        assert run["metrics"][key] == [[n, logs[key]] for n, logs in enumerate(history, 1)]
    [[step, _]] = run["metrics"]["test_accuracy"]
    assert step == EPOCHS
    assert sorted(run["artifacts"]) == ["README.md", "manifest.json", "report.html"]
    [version] = found["versions"]
    assert version["tags"]["pipeline.version"] == "1"
    assert version["aliases"] == ["stable"]
    [signature] = version["inputs"]
    assert signature["name"] == "image"
    assert signature["tensor-spec"] == {"dtype": "uint8", "shape": [-1, 28, 28, 1]}
    expected = api.load_model(tracked.workspace / "exported" / "smoke").predict(pixels)
    np.testing.assert_allclose(version["probabilities"], expected, rtol=0, atol=1e-6)


def stored(uri: str, images: Path) -> dict[str, Any]:
    """Return what MLflow has stored, with the predictions for some images."""
    done = subprocess.run(
        [PYTHON, READ, uri, "smoke", images],
        capture_output=True,
        text=True,
        check=False,
        cwd=images.parent,
        env={**os.environ, "PYTHONPATH": "", "MLFLOW_DISABLE_TELEMETRY": "true"},
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_gate_that_refuses_the_model_and_a_server_that_does_not_reply(
    tracked: Tracked, silent_server: str
) -> None:
    told = Told()
    with pytest.raises(AccuracyTooLow):
        run(tracked.workspace, silent_server, "publish.min_accuracy_on_sample=1", progress=told)
    assert told.texts[-1] == (
        f"Not sent to MLflow at {silent_server}: {EPOCHS} epochs (no answer). To send the rest: "
        f"pipeline track sync -C {tracked.workspace}"
    )
    pending = tracked.journal(silent_server).pending()
    others = [one["event"] for one in pending if one["event"] != "epoch"]
    assert others == ["run", "evaluate", "end"]
    assert pending[-1]["status"] == "FAILED"


def test_failure_before_the_training_is_told_once(tmp_path: Path) -> None:
    """The run itself reports its error, which is also that of looking for its results."""
    told = Told()
    with mlflow_packages(), pytest.raises(ConfigError, match=f"{tmp_path}/none does not exist"):
        run(tmp_path, "local", f"data.manual_dir={tmp_path}/none", progress=told)
    assert told.texts == []
    assert not (tmp_path / "runs" / "tracking").exists()


def test_interrupted_while_it_waits(tracked: Tracked, silent_server: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tracked.workspace, silent_server, progress=Impatient())
    pending = tracked.journal(silent_server).pending()
    assert [one["status"] for one in pending if one["event"] == "end"] == ["FINISHED"]
    assert {one.get("version") for one in pending} >= {1}
    commands = [Path(f"/proc/{pid}/cmdline") for pid in descendants(os.getpid())]
    assert not [path for path in commands if b"tracking.sender" in path.read_bytes()]


def test_local_file_needs_no_server_and_nothing_is_sent_elsewhere(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CI", "GITHUB_ACTIONS", "PYTEST_CURRENT_TEST"):  # there MLflow sends none itself
        monkeypatch.delenv(name, raising=False)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    told = Told()
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        run(tracked.workspace, "local", progress=told)  # all stages are up to date
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    api.track_sync(workspace=tracked.workspace)  # what a slow machine has not sent in 30 s
    assert told.texts[-1] == "sending to MLflow at runs/mlflow.db, at most 30 s"
    assert tracked.journal("local").pending() == []
    assert not (tracked.workspace / "mlruns").exists()
    with closing(sqlite3.connect(tracked.workspace / "runs" / "mlflow.db")) as database:
        rows = database.execute
        assert rows("SELECT status FROM runs").fetchall() == [("FINISHED",)]
        assert rows("SELECT alias FROM registered_model_aliases").fetchall() == [("stable",)]
        steps = rows("SELECT step FROM metrics WHERE key = 'loss' ORDER BY step").fetchall()
    assert steps == [(step,) for step in range(1, EPOCHS + 1)]
