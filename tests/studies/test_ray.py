"""Studies on Ray: the results of local ones, and processes that crash, are stopped or killed."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

from pipeline import api
from pipeline.errors import MissingExtra, RequestError
from tests.support.paths import PROJECT, SMOKE
from tests.support.processes import wait_until, wait_until_ended
from tests.support.sockets import descendants, listening_addresses

PYTHON = PROJECT / ".venv-ray" / "bin" / "python"
pytestmark = [pytest.mark.process, pytest.mark.usefixtures("all_cores")]

COMMON = f"""base: {SMOKE}
overrides: {{train.epochs: 3, model.hidden: [8]}}
threads: 2
executor: ray
"""
STUDIES = {
    "grid": """axes:
  optimizer: [{value: sgd, axes: {optimizer.learning_rate: [0.1, 1e30]}}, adam]
  train.seed: [0, 1]
""",
    "pruned": """axes: {optimizer.learning_rate: {low: 0.00001, high: 1, log: true}}
search: {name: random, seed: 1}
pruner: {name: median, n_startup_trials: 2}
budget: {trials: 4}
""",
}
# Trainings wait until the study is resumed; then they crash once, always or never.
OWN = """
import os, signal, time
from pathlib import Path
import keras

class Own(keras.callbacks.Callback):
    def __init__(self, folder, crash):
        super().__init__()
        self.folder, self.crash = Path(folder), crash

    def on_epoch_begin(self, epoch, logs=None):
        if not (self.folder / "resumed").exists():
            (self.folder / "waiting").touch()
            while True:
                time.sleep(0.1)
        attempt = self.folder / f"crashed-{self.crash}"
        if self.crash == "always" or (self.crash == "once" and not attempt.exists()):
            with attempt.open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PYTHON.exists(), "there is no .venv-ray: make .venv-ray/installed"
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def study_file(folder: Path, name: str, axes: str) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(f"name: {name}\n{COMMON}{axes}")
    return file


def without_seconds(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "seconds"}


def test_results_are_those_of_local_studies(tmp_path: Path) -> None:
    for name, axes in STUDIES.items():
        study_file(tmp_path, name, axes)
    done = subprocess.run(
        [PYTHON, "-m", "tests.studies.ray_and_local", tmp_path, *STUDIES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1], object_hook=without_seconds)
    for name in STUDIES:
        assert found[name]["ray"] == found[name]["local"], name
    statuses = {n: [t["status"] for t in found[n]["ray"]["trials"]] for n in ("grid", "pruned")}
    assert statuses["grid"] == [*["complete"] * 2, *["diverged"] * 2, *["complete"] * 2]
    assert set(statuses["pruned"]) == {"complete", "pruned"}
    assert found["unreachable"] == (
        f"MachineError: The Ray cluster '{found['address']}' (RAY_ADDRESS) cannot be reached. "
        "[Errno 111] Connection refused."
    )


class Running:
    """A study on Ray in a process group of its own, as in a terminal."""

    def __init__(self, file: Path, workspace: Path) -> None:
        options = ["--json", "--workspace", str(workspace)]
        command = [str(PYTHON), "-m", "pipeline", "study", str(file), *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:  # closes its pipes
            self.process.kill()  # after a failed assertion

    def stop(self, number: signal.Signals, waiting: Path) -> tuple[str, set[str]]:
        """Send a signal to the group while trials wait; return its errors and all its processes.

        As each process of Ray has a group of its own, a signal to the group is one to the driver.
        """
        wait_until(waiting.exists, seconds=300)
        waiting.unlink()
        pids = descendants(self.process.pid)
        assert {str(a) for a in listening_addresses(pids)} == {"127.0.0.1"}
        os.killpg(self.process.pid, number)
        _, errors = self.process.communicate(timeout=300)
        return errors, pids


def title(pid: str) -> str:
    """Return how a process names itself, or nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_study_that_was_stopped_and_killed_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    own = f"{{name: '{tmp_path}/own.py:Own', folder: {tmp_path}, crash: "
    crashes = ", ".join(f"[{own}{crash}}}]" for crash in ("never", "once", "always"))
    file = study_file(tmp_path, "crashes", f"axes: {{train.callbacks: [[], {crashes}]}}\n")
    workspace, waiting = tmp_path / "workspace", tmp_path / "waiting"

    with Running(file, workspace) as study:
        wait_until(lambda: list(workspace.glob("runs/evaluate/*/manifest.json")), seconds=300)
        errors, pids = study.stop(signal.SIGINT, waiting)
    assert study.process.returncode == 130
    assert errors.endswith(
        "Error: Interrupted. Completed work is saved: run the same command again to resume.\n"
    )
    assert len(pids) > 4
    wait_until_ended(pids)
    [trained] = workspace.glob("runs/train/*/manifest.json")
    before = trained.stat().st_mtime_ns

    with Running(file, workspace) as study:
        _, pids = study.stop(signal.SIGKILL, waiting)
    # Two agents of Ray first try for a minute to report to the process that was killed.
    agents = {pid for pid in pids if "Agent" in title(pid)}
    assert len(agents) <= 2
    wait_until_ended(pids - agents)
    for agent in agents:
        with suppress(ProcessLookupError):
            os.kill(int(agent), signal.SIGKILL)

    (tmp_path / "resumed").touch()
    with Running(file, workspace) as study:
        out, errors = study.process.communicate(timeout=500)
    assert study.process.returncode == 0, errors
    trials = json.loads(out)["trials"]
    assert [trial["status"] for trial in trials] == ["complete"] * 3 + ["failed"]
    assert trials[-1]["reason"] == (
        "In each of 3 attempts, the process of the trial ended unexpectedly, as it does when "
        "memory runs out."
    )
    assert (tmp_path / "crashed-once").read_text() == "x"
    assert (tmp_path / "crashed-always").read_text() == "xxx"
    assert trained.stat().st_mtime_ns == before
    assert not (workspace / "runs" / "ray").exists()


def test_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # cannot be imported
    with pytest.raises(MissingExtra) as error:
        api.study(study_file(tmp_path, "grid", STUDIES["grid"]), workspace=tmp_path)
    assert str(error.value) == (
        "A study on Ray requires packages that are not installed. To install them: "
        "pip install 'dense-pipeline[ray]' (in a clone: make ray)"
    )


def test_address_of_ray_client_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://127.0.0.1:10001")
    with pytest.raises(RequestError) as error:
        api.study(study_file(tmp_path, "grid", STUDIES["grid"]), workspace=tmp_path)
    assert str(error.value) == (
        "RAY_ADDRESS must be the HOST:PORT of a Ray cluster, or auto; got 'ray://127.0.0.1:10001'. "
        "Run the study on a node of the cluster."
    )
