"""Interrupted training ends with the bits of the uninterrupted one; processes are really killed."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import SMOKE

from pipeline.config import read
from pipeline.progress import Silent
from pipeline.running import run_stages
from pipeline.workspace import Workspace

OVERRIDES = [
    "train.epochs=40",
    "train.batch_size=16",
    "train.early_stopping={patience: 30}",
    "model.dropout=0.2",
    "optimizer={name: adam, learning_rate: 0.001, schedule: {name: cosine}}",
]
RUN = """
import sys
from pathlib import Path
from pipeline.config import read
from pipeline.progress import Silent
from pipeline.running import run_stages
from pipeline.workspace import Workspace
import pipeline.training.checkpoint as checkpoint
import pipeline.training.loop as loop
checkpoint.MIN_SECONDS, checkpoint.COST_SHARE, loop.CHUNK_SECONDS = 0.0, 1e9, 0.02
config = read(Path(sys.argv[2]), sys.argv[3:])
try:
    run_stages(config, Workspace(Path(sys.argv[1])), Silent(), until="train")
except KeyboardInterrupt:
    sys.exit(130)
"""


def start(workspace: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, str(workspace), str(SMOKE), *OVERRIDES]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def trained(workspace: Path) -> tuple[list[np.ndarray], list[dict[str, float]]]:
    import keras

    [folder] = (workspace / "runs" / "train").glob("[0-9a-f]*")
    history = json.loads((folder / "history.json").read_text())
    return keras.models.load_model(folder / "model.keras").get_weights(), history


def saved(workspace: Path) -> list[Path]:
    return list((workspace / "runs" / "checkpoints").glob("*.npz"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same training, never interrupted, and never even saved."""
    workspace = tmp_path_factory.mktemp("whole")
    run_stages(read(SMOKE, OVERRIDES), Workspace(workspace), Silent(), until="train")
    return workspace


def assert_same(first: Path, second: Path) -> None:
    (weights, history), (expected, expected_history) = trained(first), trained(second)
    assert all(map(np.array_equal, weights, expected))
    for logs, wanted in zip(history, expected_history, strict=True):
        assert logs == pytest.approx(wanted, rel=1e-6)


def wait_for_progress(workspace: Path, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait until this very process has saved something, and then a random while."""
    before = {path: path.stat().st_mtime_ns for path in saved(workspace)}
    while process.poll() is None:
        now = {path: path.stat().st_mtime_ns for path in saved(workspace) if path.exists()}
        if now and now != before:
            break
        time.sleep(0.01)
    time.sleep(seconds)


def test_killed_again_and_again_it_ends_with_the_same_bits(whole: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(11)
    kills = 0
    for seconds in generator.uniform(0, 1.2, 5):
        process = start(tmp_path)
        wait_for_progress(tmp_path, process, seconds)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 3, "the training must be long enough to be killed"
    assert start(tmp_path).wait() == 0
    assert_same(tmp_path, whole)
    assert saved(tmp_path) == []


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was ended by Ctrl-C; it saved its place though no checkpoint was due."""
    workspace = tmp_path_factory.mktemp("interrupted")
    process = start(workspace)
    wait_for_progress(workspace, process, 0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert len(saved(workspace)) == 1
    return workspace


class Noting(Silent):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


def go_on(workspace: Path, force: str | None = None) -> bool:
    """Run again, and return whether it said that it goes on from where it was."""
    noting = Noting()
    run_stages(read(SMOKE, OVERRIDES), Workspace(workspace), noting, until="train", force=force)
    assert saved(workspace) == []
    return any(text.startswith("Going on from epoch") for text in noting.notices)


@pytest.fixture
def copied(interrupted: Path, tmp_path: Path) -> Path:
    shutil.copytree(interrupted, tmp_path / "copy")
    return tmp_path / "copy"


def test_after_ctrl_c_it_goes_on_to_the_same_bits(whole: Path, copied: Path) -> None:
    assert go_on(copied)
    assert_same(copied, whole)


def test_a_damaged_checkpoint_starts_from_the_beginning(whole: Path, copied: Path) -> None:
    [path] = saved(copied)
    path.write_bytes(path.read_bytes()[:-1000])
    assert not go_on(copied)
    assert_same(copied, whole)


def test_force_starts_anew(whole: Path, copied: Path) -> None:
    assert not go_on(copied, force="train")
    assert_same(copied, whole)


def test_ctrl_c_during_validation_is_not_lost(tmp_path: Path) -> None:
    """A real signal at the one moment when no chunk of steps is under way."""
    import os

    import keras

    from pipeline.config.schema import Model, Optimizer
    from pipeline.data.sample import read_sample
    from pipeline.handover import Split
    from pipeline.model import build_model, logits_model
    from pipeline.optimizers import build_optimizer
    from pipeline.training.checkpoint import Checkpoint
    from pipeline.training.fit import Plan, fit
    from pipeline.training.loop import CompiledEvaluation, CompiledLoop, Result

    class Signalling(CompiledEvaluation):
        def run(self) -> Result:
            os.kill(os.getpid(), signal.SIGINT)
            return super().run()

    images, labels = read_sample()
    split = Split(images[:200], labels[:200])
    keras.utils.set_random_seed(0)
    model = logits_model(build_model(Model(hidden=(4,)), image_shape=(28, 28, 1), num_classes=10))
    optimizer = build_optimizer(Optimizer(name="sgd"), total_steps=1)
    loop = CompiledLoop(model, optimizer, split, batch_size=50, seed=0)
    checkpoint = Checkpoint(tmp_path / "state.npz", loop.variables, ())
    with pytest.raises(KeyboardInterrupt):
        fit(loop, Signalling(model, split), Plan(3), checkpoint, Silent())
    position = checkpoint.load()
    assert position is not None
    assert (position.epoch, len(position.history)) == (1, 1)
