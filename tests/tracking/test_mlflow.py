"""Runs that are tracked by a real MLflow server, which is killed, restarted or never answers."""

import json
import os
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import api
from tests.support.command_line import ONNX_ALONE, Done, command
from tests.support.files import contents
from tests.support.mlflow_servers import ENVIRONMENT, PYTHON, free_port, mlflow_server
from tests.support.paths import PROJECT, SMOKE

pytestmark = [pytest.mark.process, pytest.mark.tensorflow]
READ = PROJECT / "tests" / "tracking" / "read_mlflow.py"
EPOCHS = 4
# Kills the server in the third epoch, once a part was sent; the arguments are its process group and
# the folder of the journal.
KILLER = """
import json, os, signal
from pathlib import Path
import keras
from tests.support.processes import wait_until

class Killer(keras.callbacks.Callback):
    def __init__(self, group, folder):
        super().__init__()
        self.group, self.folder = group, Path(folder)

    def is_partly_sent(self):
        return any(json.loads(one.read_text())["sent"] for one in self.folder.glob("*.sent"))

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            wait_until(self.is_partly_sent, 200)
            os.killpg(self.group, signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs have MLflow's packages too, after their own."""
    assert PYTHON.exists(), "there is no .venv-mlflow: make .venv-mlflow/installed"
    scheme = {"base": str(ENVIRONMENT), "platbase": str(ENVIRONMENT)}
    packages = sysconfig.get_path("purelib", "venv", scheme)
    monkeypatch.setenv("PYTHONPATH", f"{PROJECT}{os.pathsep}{packages}")


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URI of a server that accepts connections and never replies."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def run(workspace: Path, *overrides: str) -> Done:
    epochs = f"train.epochs={EPOCHS}"
    done = command("run", SMOKE, epochs, *ONNX_ALONE, *overrides, "-C", workspace, cwd=workspace)
    assert done.code == 0, done.err
    return done


def sync(workspace: Path, code: int = 0) -> str:
    done = command("track", "sync", "-C", workspace, cwd=workspace)
    assert done.code == code, done.err
    return done.out


def stored(uri: str, folder: Path) -> dict[str, Any]:
    """Return what MLflow has stored, with the predictions for some images."""
    images = folder / "images.npy"
    np.save(images, pixels())
    done = subprocess.run(
        [PYTHON, READ, uri, "smoke", images],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "MLFLOW_DISABLE_TELEMETRY": "true"},
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def pixels() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)


def assert_complete(uri: str, workspace: Path, folder: Path) -> None:
    """Check that everything is stored, once."""
    found = stored(uri, folder)
    [tracked] = found["runs"]
    assert tracked["status"] == "FINISHED"
    assert tracked["params"]["optimizer.name"] == "adam"
    for key in ("loss", "val_accuracy"):
        assert tracked["steps"][key] == list(range(1, EPOCHS + 1))
    assert tracked["steps"]["test_accuracy"] == [EPOCHS]
    assert {"README.md", "manifest.json"} <= set(tracked["artifacts"])
    [version] = found["versions"]
    assert version["tags"]["pipeline.version"] == "1"
    assert version["aliases"] == ["stable"]
    [signature] = version["inputs"]
    assert signature["name"] == "image"
    assert signature["tensor-spec"] == {"dtype": "uint8", "shape": [-1, 28, 28, 1]}
    expected = api.load_model(workspace / "exported" / "smoke").predict(pixels())
    np.testing.assert_allclose(version["probabilities"], expected, rtol=0, atol=1e-6)


def weights(workspace: Path) -> bytes:
    return (workspace / "exported" / "smoke" / "1" / "model.onnx").read_bytes()


@pytest.mark.slow
def test_server_that_is_killed_in_mid_run(tmp_path: Path) -> None:
    (tmp_path / "killer.py").write_text(KILLER)
    workspace, port = tmp_path / "workspace", free_port()
    workspace.mkdir()
    with mlflow_server(tmp_path / "server", port) as server:
        callback = f"{{name: {tmp_path}/killer.py:Killer, group: {server.process.pid}, "
        callback += f"folder: {workspace}/runs/tracking}}"
        done = run(workspace, f"track.mlflow={server.uri}", f"train.callbacks=[{callback}]")
        assert f"Not sent to MLflow at {server.uri}: " in done.err
        assert f"{EPOCHS - 2} epochs and version 1 (Connection refused)." in done.err
        assert "Send the rest with pipeline track sync." in done.err
        assert server.process.poll() is not None
    assert "not sent: " in sync(workspace, code=3)
    with mlflow_server(tmp_path / "server", port) as server:
        assert ": sent" in sync(workspace)
        assert_complete(server.uri, workspace, tmp_path)
        [journal] = (workspace / "runs" / "tracking").glob("*.jsonl")
        journal.with_suffix(".sent").unlink()  # as if the sync was killed before it stored it
        syncs = [subprocess.Popen(_sync_command(workspace)) for _ in range(2)]
        assert [process.wait() for process in syncs] == [0, 0]
        assert_complete(server.uri, workspace, tmp_path)
    published = (workspace / "exported" / "smoke" / "1" / "manifest.json").read_text()
    assert str(port) not in published


def _sync_command(workspace: Path) -> list[str]:
    return [sys.executable, "-m", "pipeline", "track", "sync", "-C", str(workspace)]


@pytest.mark.slow
def test_local_file_needs_no_server_and_a_silent_server_changes_nothing(
    tmp_path: Path, silent_server: str
) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    done = run(workspace, f"track.mlflow={silent_server}")
    assert (
        f"Not sent to MLflow at {silent_server}: {EPOCHS} epochs and version 1 (no answer)"
        in done.err
    )
    before = contents(workspace / "runs" / "train")
    done = run(workspace, "track.mlflow=local")  # no stage runs again
    assert "Not sent" not in done.err
    assert contents(workspace / "runs" / "train") == before
    found = stored(f"sqlite:///{workspace / 'runs' / 'mlflow.db'}", tmp_path)
    assert [one["status"] for one in found["runs"]] == ["FINISHED"]
    assert [one["aliases"] for one in found["versions"]] == [["stable"]]
    assert not (workspace / "mlruns").exists()
    untracked = tmp_path / "untracked"
    untracked.mkdir()
    run(untracked)
    assert weights(untracked) == weights(workspace)
