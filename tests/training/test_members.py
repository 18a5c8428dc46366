"""Committees: one training for each member, resumed to the same bits after a kill."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.artifacts.history import read_costs, read_history
from pipeline.config import read
from pipeline.engine.workspace import Workspace
from pipeline.errors import TrainingDiverged
from pipeline.progress import Silent, Training, TrainingCost
from pipeline.results.history import run_history
from pipeline.stages import run_stages
from pipeline.training.checkpoint_file import interrupted_epoch, of_member, trained_member
from pipeline.training.members import Member, member_seed, read_members
from tests.support.paths import SMOKE

pytestmark = pytest.mark.tensorflow

EPOCHS, HELD, MEMBERS = 5, 3, 3
NETWORK = [
    f"train.epochs={EPOCHS}",
    "train.batch_size=32",
    "model.hidden=[12]",
    "model.dropout=0.2",
    "train.augment={rotation: 10, elastic: 1}",
    "optimizer={name: adam, learning_rate: 0.01, schedule: {name: cosine}}",
]
COMMITTEE = [*NETWORK, f"model.members={MEMBERS}"]
# Saves at every opportunity, and stops for good in the second member.
RUN = """
import sys
import threading
from pathlib import Path
from pipeline.config import read
from pipeline.engine.workspace import Workspace
from pipeline.progress import Silent
from pipeline.stages import run_stages
import pipeline.training.checkpoint as checkpoint
import pipeline.training.loop as loop
checkpoint.MIN_SECONDS, checkpoint.COST_SHARE, loop.CHUNK_SECONDS = 0.0, 1e9, 0.02
save = checkpoint.Checkpoint.save

def save_and_wait(self, position, *others):
    save(self, position, *others)
    if self._path.stem.endswith("-2") and position.epoch >= int(sys.argv[3]):
        Path(sys.argv[1], "held").touch()
        threading.Event().wait()

checkpoint.Checkpoint.save = save_and_wait
config = read(Path(sys.argv[2]), sys.argv[4:])
run_stages(config, Workspace(Path(sys.argv[1])), Silent(), until="train")
"""


class Recorder(Silent):
    """Records what a training reports."""

    reports_steps = True

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.trainings: list[Training] = []
        self.epochs: list[int] = []
        self.steps: list[int] = []
        self.costs: list[TrainingCost] = []
        self.seen: list[float] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def training_began(self, training: Training) -> None:
        self.trainings.append(training)

    def steps_finished(self, step: int, logs: dict[str, float], cost: TrainingCost) -> None:
        del logs, cost
        self.steps.append(step)

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        del logs
        self.epochs.append(epoch)
        self.costs.append(cost)
        self.seen.append(float(np.sum(self.trainings[0].weights()["hidden_1/kernel"])))


def train(workspace: Path, overrides: list[str], recorder: Recorder | None = None) -> Path:
    """Run the stage and return its output."""
    config = read(SMOKE, overrides)
    results = run_stages(config, Workspace(workspace), recorder or Silent(), until="train")
    return results[-1].output.path


def weights(output: Path, member: int | None = None) -> list[np.ndarray]:
    model = keras.models.load_model(output / "model.keras")
    if member is None:
        return [np.array(values) for values in model.get_weights()]
    names = [f"member_{member}_{name}" for name in ("hidden_1", "logits")]
    return [np.array(values) for name in names for values in model.get_layer(name).get_weights()]


@pytest.fixture(scope="module")
def reported() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("committee")


@pytest.fixture(scope="module")
def committee(workspace: Path, reported: Recorder) -> Path:
    """A committee that was trained without interruption."""
    return train(workspace, COMMITTEE, reported)


def same(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(map(np.array_equal, first, second))


def test_seeds_of_members_are_derived_from_that_of_the_training() -> None:
    assert member_seed(7, 1) == 7
    seeds = [member_seed(seed, number) for seed in range(20) for number in range(1, 20)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert member_seed(0, 2) == 1570558271  # the same on every machine


def test_first_member_is_the_network_of_the_same_seed(committee: Path, workspace: Path) -> None:
    alone = train(workspace, NETWORK)
    assert same(weights(committee, 1), weights(alone))
    assert read_history(committee)[:EPOCHS] == read_history(alone)


def test_other_members_are_the_networks_of_their_seeds(committee: Path, workspace: Path) -> None:
    alone = train(workspace, [*NETWORK, f"train.seed={member_seed(0, 2)}"])
    assert same(weights(committee, 2), weights(alone))
    assert not same(weights(committee, 1), weights(committee, 3))


def test_members_are_reported_as_one_training(committee: Path, reported: Recorder) -> None:
    total = MEMBERS * EPOCHS
    [training] = reported.trainings
    assert (training.epochs, training.epoch, training.step) == (total, 0, 0)
    assert reported.epochs == list(range(1, total + 1))
    assert reported.steps == sorted(set(reported.steps))
    assert len(set(reported.seen)) == total  # the weights of the member that is trained
    assert [c.gradients for c in reported.costs] == [
        (n + 1) * training.steps_per_epoch for n in range(total)
    ]
    assert len(read_history(committee)) == total
    assert read_costs(committee) == reported.costs


@pytest.mark.usefixtures("committee")
def test_each_member_begins_with_the_first_learning_rate(workspace: Path) -> None:
    config = read(SMOKE, COMMITTEE)
    stages = run_stages(config, Workspace(workspace), Silent(), until="train")
    rates = [epoch.learning_rate for epoch in run_history(config, stages)]
    assert rates == rates[:EPOCHS] * MEMBERS
    assert rates[0] == pytest.approx(0.01)
    assert rates[:EPOCHS] == sorted(set(rates[:EPOCHS]), key=lambda rate: -(rate or 0))


def kill_in_second_member(workspace: Path) -> None:
    command = [sys.executable, "-c", RUN, str(workspace), str(SMOKE), str(HELD), *COMMITTEE]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not (workspace / "held").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorder, int | None, Path]:
    """A committee that was killed in its second member and finished by this process."""
    workspace = tmp_path_factory.mktemp("killed")
    kill_in_second_member(workspace)
    [first] = (workspace / "runs" / "checkpoints").glob("*-trained-1.npz")
    epoch = interrupted_epoch(first.with_stem(first.stem.removesuffix("-trained-1")))
    recorder = Recorder()
    return workspace, recorder, epoch, train(workspace, COMMITTEE, recorder)


@pytest.mark.process
def test_killed_committee_gives_the_same_bits(
    committee: Path, killed: tuple[Path, Recorder, int | None, Path]
) -> None:
    workspace, recorder, _, output = killed
    assert any(
        text.startswith(f"Member 2 of {MEMBERS}: Resuming from epoch ") for text in recorder.notices
    )
    assert same(weights(output), weights(committee))
    assert read_history(output) == read_history(committee)
    assert list((workspace / "runs" / "checkpoints").iterdir()) == []


@pytest.mark.process
def test_epochs_of_complete_members_are_reported_again(
    killed: tuple[Path, Recorder, int | None, Path],
) -> None:
    _, recorder, epoch, _ = killed
    assert epoch == EPOCHS + HELD + 1
    [training] = recorder.trainings
    assert training.epoch == EPOCHS + HELD
    assert recorder.epochs == list(range(1, MEMBERS * EPOCHS + 1))


def test_member_that_diverges_is_named(workspace: Path) -> None:
    diverging = ["model.members=2", "model.activation=linear", "train.epochs=2"]
    rate = "optimizer={name: sgd, learning_rate: 1e12}"
    with pytest.raises(TrainingDiverged) as caught:
        train(workspace, [*diverging, rate])
    assert str(caught.value).startswith("Member 1 of 2: The loss became NaN or infinite in epoch 1")


def written(folder: Path) -> Path:
    """Write the files of two complete members, and return the path of the checkpoint."""
    path = folder / "fingerprint.npz"
    member = Member(
        [np.ones((2, 3), np.float32)],
        [{"loss": 1.0}] * 4,
        [TrainingCost(1.5, 2, 3)] * 4,
        5,
        1,
        "XLA",
    )
    for number in (1, 2):
        member.write(path, number)
    return path


def test_files_of_members_are_read_back(tmp_path: Path) -> None:
    found = read_members(written(tmp_path), count=4)
    assert len(found) == 2
    assert found[1].history == [{"loss": 1.0}] * 4
    assert found[1].costs[3] == TrainingCost(1.5, 2, 3)
    assert (found[1].steps_per_epoch, found[1].shards, found[1].compiler) == (5, 1, "XLA")
    np.testing.assert_array_equal(found[1].weights[0], np.ones((2, 3), np.float32))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncate, empty, Path.unlink])
def test_damaged_or_missing_member_is_trained_again(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = written(tmp_path)
    damage(trained_member(path, 1))
    assert read_members(path, count=4) == []


def test_checkpoint_of_a_complete_member_is_not_that_of_the_next(tmp_path: Path) -> None:
    """It is still there if the process was killed between two members."""
    path = tmp_path / "fingerprint.npz"
    assert len({of_member(path, number) for number in (1, 2, 3)}) == 3
    assert interrupted_epoch(written(tmp_path)) == 9


def test_forced_training_starts_with_the_first_member(committee: Path, workspace: Path) -> None:
    recorder = Recorder()
    stale = Member([np.zeros(1)], [{"loss": 9.0}], [TrainingCost()], 1, 1, "XLA")
    place = Workspace(workspace).checkpoint(committee.name)
    stale.write(place, 1)
    run_stages(read(SMOKE, COMMITTEE), Workspace(workspace), recorder, until="train", force="train")
    assert recorder.epochs == list(range(1, MEMBERS * EPOCHS + 1))
    assert not trained_member(place, 1).exists()
