"""Resumed trainings give the same bits as uninterrupted ones; processes are really killed."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.artifacts.history import read_costs
from pipeline.config import read
from pipeline.engine.workspace import Workspace
from pipeline.errors import StorageError
from pipeline.progress import Silent, TrainingCost
from pipeline.stages import run_stages
from pipeline.training.checkpoint import Checkpoint, Position
from pipeline.training.network_program import Result
from tests.support.paths import SMOKE
from tests.support.small_training import loop_of, new_fit, new_loop

pytestmark = pytest.mark.tensorflow

OWN = """
import keras

class Slower(keras.callbacks.Callback):  # the rate depends on all earlier epochs
    def __init__(self):
        super().__init__()
        self.factors = []

    def on_epoch_begin(self, epoch, logs=None):
        self.factors.append(0.99)
        self.model.optimizer.learning_rate = 0.01 * 0.99 ** len(self.factors)
"""
EPOCHS, HELD = 14, 10  # early stopping is possible after epoch 11
OVERRIDES = [
    f"train.epochs={EPOCHS}",
    "train.batch_size=16",
    "train.early_stopping={patience: 10}",
    "model.dropout=0.2",
    "model.input=standardized",
    "train.augment={rotation: 10, elastic: 1, stroke: 0.5, undeformed: 0.1, clean_at_end: 0.1}",
    "optimizer={name: nadam, learning_rate: 0.003, weight_decay: 0.2, weight_decay_on: kernels, "
    "schedule: {name: cosine, warmup: 0.03}}",
]
RUN = """
import os
import signal
import sys
from pathlib import Path
from pipeline.config import read
from pipeline.errors import StorageError
from pipeline.artifacts.data_set import Split
from pipeline.progress import Silent
from pipeline.stages import run_stages
from pipeline.engine.workspace import Workspace
import pipeline.training.checkpoint as checkpoint
import pipeline.training.loop as loop
checkpoint.MIN_SECONDS, checkpoint.COST_SHARE, loop.CHUNK_SECONDS = 0.0, 1e9, 0.02
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)
save = checkpoint.Checkpoint.save

def save_and_wait(self, position, *others):
    save(self, position, *others)
    if position.epoch >= int(sys.argv[3]):
        os.read(woken, 1)  # wait for a signal, unless one has come already

checkpoint.Checkpoint.save = save_and_wait
config = read(Path(sys.argv[2]), sys.argv[4:])
try:
    run_stages(config, Workspace(Path(sys.argv[1])), Silent(), until="train")
except KeyboardInterrupt:
    sys.exit(130)
"""


def start(workspace: Path, overrides: list[str]) -> subprocess.Popen[bytes]:
    """Start a training that waits for a signal at each save from epoch ``HELD`` on."""
    command = [sys.executable, "-c", RUN, str(workspace), str(SMOKE), str(HELD), *overrides]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def trained(workspace: Path) -> tuple[list[np.ndarray], list[dict[str, float]]]:
    import keras

    [folder] = (workspace / "runs" / "train").glob("[0-9a-f]*")
    history = json.loads((folder / "history.json").read_text())
    return keras.models.load_model(folder / "model.keras").get_weights(), history


def costs_of(workspace: Path) -> list[TrainingCost]:
    [folder] = (workspace / "runs" / "train").glob("[0-9a-f]*")
    return read_costs(folder)


def saved(workspace: Path) -> list[Path]:
    return list((workspace / "runs" / "checkpoints").glob("*.npz"))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same training without interruption and without checkpoints."""
    workspace = tmp_path_factory.mktemp("whole")
    run_stages(read(SMOKE, OVERRIDES), Workspace(workspace), Silent(), until="train")
    return workspace


def assert_same(first: Path, second: Path) -> None:
    (weights, history), (expected, expected_history) = trained(first), trained(second)
    assert all(map(np.array_equal, weights, expected))
    assert history == expected_history
    assert work(costs_of(first)) == work(costs_of(second))


def work(costs: Sequence[TrainingCost]) -> list[tuple[int, int]]:
    return [(cost.gradients, cost.images) for cost in costs]


def save_times(workspace: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in saved(workspace)}


def start_and_save(
    workspace: Path, seconds: float, overrides: list[str] = OVERRIDES
) -> subprocess.Popen[bytes]:
    """Start a training, wait until this process has saved a checkpoint, and then ``seconds``."""
    before = save_times(workspace)
    process = start(workspace, overrides)
    while save_times(workspace) == before:
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(seconds)
    return process


class Recorder(Silent):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


def kill_and_finish(workspace: Path, overrides: list[str]) -> None:
    """Kill two processes at random moments of the training, and finish it in this one."""
    generator = np.random.default_rng(11)
    for seconds in generator.uniform(0, 0.8, 2):
        process = start_and_save(workspace, seconds, overrides)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert resume(workspace, overrides)


def test_repeatedly_killed_training_gives_the_same_bits(
    uninterrupted: Path, tmp_path: Path
) -> None:
    kill_and_finish(tmp_path, OVERRIDES)
    assert_same(tmp_path, uninterrupted)


def test_killed_training_with_the_full_gradient_gives_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    overrides = [f"train.epochs={EPOCHS}", "train.batch_size=full", "optimizer=conjugate_gradient"]
    uninterrupted = tmp_path_factory.mktemp("minimized")
    run_stages(read(SMOKE, overrides), Workspace(uninterrupted), Silent(), until="train")
    kill_and_finish(tmp_path, overrides)
    assert_same(tmp_path, uninterrupted)
    assert list((tmp_path / "runs" / "checkpoints").iterdir()) == []


def resumed(digits: Split, path: Path, make: Callable[[], Any], *, cut: int) -> Position:
    """Train 6 epochs, interrupted at step ``cut`` and resumed; return the end."""
    fit = new_fit(new_loop(digits, batch_size=50), digits, make(), epochs=6)
    fit.checkpoint = Checkpoint(path)
    run = loop_of(fit).program.run

    def interrupting(*arguments: Any, **named: Any) -> Any:
        result = run(*arguments, **named)
        if int(loop_of(fit).program.optimizer.iterations.numpy()) >= cut:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop_of(fit).program, "run", interrupting)
        fit.run()
    again = new_fit(new_loop(digits, batch_size=50), digits, make(), epochs=6)
    saved_state = fit.checkpoint.read(len(loop_of(fit).program.variables))
    assert saved_state is not None
    return again.run(saved_state)


class StopsAtTheBegin(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.begun = 0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        del epoch, logs
        self.begun += 1
        self.model.stop_training = self.begun == 3


def plateau() -> keras.callbacks.Callback:
    return keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=0.4, factor=0.1)


def stopper() -> keras.callbacks.Callback:
    return keras.callbacks.EarlyStopping(patience=1, min_delta=0.4, restore_best_weights=True)


@pytest.mark.parametrize(
    ("make", "cut"),
    [(plateau, 15), (plateau, 25), (stopper, 12), (stopper, 18), (StopsAtTheBegin, 25)],
)
def test_callbacks_behave_the_same_after_an_interruption(
    digits: Split, tmp_path: Path, make: Callable[[], Any], cut: int
) -> None:
    uninterrupted = new_fit(new_loop(digits, batch_size=50), digits, make(), epochs=6).run()
    end = resumed(digits, tmp_path / "state.npz", make, cut=cut)
    assert end.history == uninterrupted.history
    assert work(end.costs) == work(uninterrupted.costs)
    seconds = [cost.seconds for cost in end.costs]
    assert seconds == sorted(set(seconds)), "as measured before the interruption, and after"


def test_checkpoint_is_kept_if_output_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a full disk, the training need not be repeated."""
    config = read(SMOKE, ["train.epochs=1"])
    run_stages(config, Workspace(tmp_path), Silent(), until="data")
    monkeypatch.setattr("pipeline.training.checkpoint.MIN_SECONDS", 0.0)
    monkeypatch.setattr("pipeline.training.checkpoint.COST_SHARE", 1e9)

    def full(_folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.engine.store.describe_files", full)
    with pytest.raises(StorageError, match="no space left"):
        run_stages(config, Workspace(tmp_path), Silent(), until="train")
    assert len(saved(tmp_path)) == 1
    monkeypatch.undo()
    recorder = Recorder()
    run_stages(config, Workspace(tmp_path), recorder, until="train")
    assert any("Resuming from epoch 1" in text for text in recorder.notices)
    assert saved(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"x", b"PK"])
def test_invalid_checkpoint_is_ignored(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.npz"
    path.write_bytes(content)
    assert Checkpoint(path).read(3) is None


def test_streamed_training_with_callbacks_resumes(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """Several shards per epoch, callbacks that change the rate, and a log with each epoch once.

    The products are those of oneDNN, in bfloat16.
    """
    (tmp_path / "own.py").write_text(OWN)
    log = tmp_path / "log.csv"
    changed = [
        "optimizer={name: adam, learning_rate: 0.01}",
        "train.memory_mb=1",
        "train.precision=mixed_bfloat16",
        "train.compiler=graph",
        f"train.callbacks=[{{name: '{tmp_path}/own.py:Slower'}}, "
        f"{{name: csv_logger, filename: '{log}'}}]",
    ]
    uninterrupted = tmp_path_factory.mktemp("streamed")
    overrides = [*OVERRIDES, *changed]
    results = run_stages(read(SMOKE, overrides), Workspace(uninterrupted), Silent(), until="train")
    assert results[-1].output.facts.shards > 5
    expected = log.read_text()
    kill_and_finish(tmp_path / "killed", overrides)
    assert_same(tmp_path / "killed", uninterrupted)
    assert log.read_text() == expected


@pytest.mark.parametrize("suffix", [".npz", ".evaluations"])
def test_expired_checkpoints_are_removed(tmp_path: Path, suffix: str) -> None:
    old, recent = tmp_path / f"old{suffix}", tmp_path / f"recent{suffix}"
    for path, days in ((old, 31), (recent, 29)):
        path.write_bytes(b"")
        os.utime(path, (time.time() - 86_400 * days,) * 2)
    Checkpoint(tmp_path / "own.npz")
    assert (old.exists(), recent.exists()) == (False, True)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was interrupted by Ctrl-C and saved a checkpoint, although none was due."""
    workspace = tmp_path_factory.mktemp("interrupted")
    process = start_and_save(workspace, 0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    assert len(saved(workspace)) == 1
    return workspace


def resume(workspace: Path, overrides: list[str] = OVERRIDES, *, force: str | None = None) -> bool:
    """Run again, and return whether the training reported that it resumed."""
    recorder = Recorder()
    run_stages(read(SMOKE, overrides), Workspace(workspace), recorder, until="train", force=force)
    assert saved(workspace) == []
    return any(text.startswith("Resuming from epoch") for text in recorder.notices)


@pytest.fixture
def copied(interrupted: Path, tmp_path: Path) -> Path:
    shutil.copytree(interrupted, tmp_path / "copy")
    return tmp_path / "copy"


def test_training_resumes_after_ctrl_c(uninterrupted: Path, copied: Path) -> None:
    assert resume(copied)
    assert_same(copied, uninterrupted)


def test_damaged_checkpoint_restarts_the_training(uninterrupted: Path, copied: Path) -> None:
    [path] = saved(copied)
    path.write_bytes(path.read_bytes()[:-1000])
    assert not resume(copied)
    assert_same(copied, uninterrupted)


def test_force_restarts_the_training(uninterrupted: Path, copied: Path) -> None:
    assert not resume(copied, force="train")
    assert_same(copied, uninterrupted)


def test_ctrl_c_during_validation_is_not_lost(digits: Split, tmp_path: Path) -> None:
    """A real signal while no chunk of steps is running."""
    loop = new_loop(digits, batch_size=50)
    fit = new_fit(loop, digits, epochs=3)
    fit.checkpoint = Checkpoint(tmp_path / "state.npz")

    def validate() -> Result:
        os.kill(os.getpid(), signal.SIGINT)
        return loop.program.evaluate(digits)

    fit.validate = validate
    with pytest.raises(KeyboardInterrupt):
        fit.run()
    saved_state = fit.checkpoint.read(len(loop.program.variables))
    assert saved_state is not None
    assert (saved_state.position.epoch, len(saved_state.position.history)) == (1, 1)


def test_interrupted_early_stopping_stays_stopped(digits: Split, tmp_path: Path) -> None:
    """Early stopping and Ctrl-C in the same epoch: the resumed training stops immediately."""
    loop = new_loop(digits, batch_size=50)
    stopper = keras.callbacks.EarlyStopping(patience=0, min_delta=100.0)
    fit = new_fit(loop, digits, stopper, epochs=9)
    fit.checkpoint = Checkpoint(tmp_path / "state.npz")
    results = iter([Result(1.0, {"accuracy": 0.5})] * 2)

    def validate() -> Result:
        result = next(results)
        if loop.program.optimizer.iterations.numpy() == 20:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    fit.validate = validate
    with pytest.raises(KeyboardInterrupt):
        fit.run()
    again = new_fit(new_loop(digits, batch_size=50), digits, stopper, epochs=9)
    saved_state = fit.checkpoint.read(len(loop.program.variables))
    assert len(again.run(saved_state).history) == 2
