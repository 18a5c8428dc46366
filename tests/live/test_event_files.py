"""Event files of real trainings, read back by TensorBoard."""

import gc
import json
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import requests
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import pipeline
from pipeline.config import read
from pipeline.engine.workspace import Workspace
from pipeline.live.curve import CurveReader
from pipeline.progress import Silent
from pipeline.stages import run_stages
from tests.support.held_training import EPOCHS, HeldTraining
from tests.support.paths import SMOKE
from tests.support.processes import wait_until

pytestmark = pytest.mark.tensorflow

OVERRIDES = ["train.epochs=3", "optimizer={name: sgd, learning_rate: 0.1, schedule: cosine}"]
WEIGHTS = ("hidden_1/bias", "hidden_1/kernel", "logits/bias", "logits/kernel")


class Notices(Silent):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.training.loop.REPORT_SECONDS", 0.0)
        patch.setattr("pipeline.live.event_files.FREE_SECONDS", 600.0)  # histograms of all epochs
        pipeline.run(SMOKE, OVERRIDES, workspace=workspace, until="train", progress=Silent())
    return workspace


def events_of(workspace: Path, part: str) -> EventAccumulator:
    [folder] = (workspace / "runs" / "tensorboard").iterdir()
    [_] = (folder / part).iterdir()
    with warnings.catch_warnings():  # it never closes its files
        warnings.simplefilter("ignore", ResourceWarning)
        events = EventAccumulator(str(folder / part), size_guidance={"histograms": 0}).Reload()
        events._generator = None
        gc.collect()
    return events


def series(events: EventAccumulator, tag: str) -> tuple[list[int], list[float]]:
    values = events.Scalars(tag)
    return [value.step for value in values], [value.value for value in values]


def output(workspace: Path) -> Path:
    [folder] = (workspace / "runs" / "train").iterdir()
    return folder


def weights_of(workspace: Path) -> list[np.ndarray]:
    model = keras.models.load_model(output(workspace) / "model.keras")
    return [np.array(values) for values in model.get_weights()]


def test_folder_has_the_name_of_the_run_record(trained: Path) -> None:
    [folder] = (trained / "runs" / "tensorboard").iterdir()
    [record] = (trained / "runs" / "records").glob("*.json")
    assert folder.name == record.stem


@pytest.mark.parametrize(("part", "prefix"), [("train", ""), ("validation", "val_")])
def test_scalars_of_epochs_are_those_of_the_history(trained: Path, part: str, prefix: str) -> None:
    events, history = (
        events_of(trained, part),
        json.loads((output(trained) / "history.json").read_text()),
    )
    for name in ("loss", "accuracy"):
        steps, values = series(events, f"epoch_{name}")
        assert steps == [1, 2, 3]
        np.testing.assert_allclose(values, [h[f"{prefix}{name}"] for h in history], rtol=1e-6)


def test_learning_rate_and_speed_of_each_epoch(trained: Path) -> None:
    events = events_of(trained, "train")
    _, rates = series(events, "epoch_learning_rate")
    np.testing.assert_allclose(rates, [0.075, 0.025, 0.0], atol=1e-6)
    _, speeds = series(events, "epoch_images_per_second")
    assert min(speeds) > 0


def test_means_over_equal_numbers_of_steps_add_up_to_the_epoch(trained: Path) -> None:
    """The sample has 4,334 training images or fewer: the last batch of an epoch is smaller."""
    events, facts = (
        events_of(trained, "train"),
        json.loads((output(trained) / "manifest.json").read_text()),
    )
    per_epoch = facts["facts"]["steps_per_epoch"]
    steps, losses = series(events, "batch_loss")
    interval = -(-per_epoch // 20)
    inside = list(range(interval, per_epoch, interval))
    assert steps == [e * per_epoch + step for e in range(3) for step in (*inside, per_epoch)]
    history = json.loads((output(trained) / "history.json").read_text())
    lengths = np.diff([0, *inside, per_epoch])
    first = np.average(losses[: len(lengths)], weights=lengths)
    assert first == pytest.approx(history[0]["loss"], rel=0.02)
    _, positions = series(events, "batch_position")
    np.testing.assert_allclose(positions, np.array(steps) / per_epoch, rtol=1e-6)


def test_histograms_of_the_weights_of_each_epoch(trained: Path) -> None:
    events = events_of(trained, "train")
    assert sorted(events.Tags()["histograms"]) == [f"{name}/histogram" for name in WEIGHTS]
    model = keras.models.load_model(output(trained) / "model.keras")
    for weight in model.trainable_weights:
        found = events.Histograms(f"{weight.path}/histogram")
        assert [one.step for one in found] == [1, 2, 3]
        values, last = np.array(weight.value), found[-1].histogram_value
        assert (last.num, sum(last.bucket)) == (values.size, values.size)
        assert (last.min, last.max) == (values.min(), values.max())
        assert last.sum == pytest.approx(values.sum(dtype=np.float64), abs=1e-4)
        inside = np.sum(values <= last.bucket_limit[14])
        assert sum(last.bucket[:15]) == pytest.approx(inside, abs=2)


def test_event_files_do_not_change_the_bits_of_the_training(trained: Path, tmp_path: Path) -> None:
    run_stages(read(SMOKE, OVERRIDES), Workspace(tmp_path), Silent(), until="train")
    assert not (tmp_path / "runs" / "tensorboard").exists()
    assert all(map(np.array_equal, weights_of(tmp_path), weights_of(trained)))
    assert output(tmp_path).name == output(trained).name
    histories = [(output(one) / "history.json").read_text() for one in (tmp_path, trained)]
    assert histories[0] == histories[1]


def test_full_gradient_method_has_epochs_without_learning_rate(tmp_path: Path) -> None:
    overrides = ["train.batch_size=full", "optimizer=l_bfgs", "train.epochs=2"]
    pipeline.run(SMOKE, overrides, workspace=tmp_path, until="train", progress=Silent())
    events = events_of(tmp_path, "train")
    assert series(events, "epoch_loss")[0] == [1, 2]
    assert "epoch_learning_rate" not in events.Tags()["scalars"]


def test_failure_to_write_does_not_end_the_training(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "tensorboard").touch()
    shown = Notices()
    result = pipeline.run(
        SMOKE, ["train.epochs=1"], workspace=tmp_path, until="train", progress=shown
    )
    assert result.parameters
    [text] = [text for text in shown.notices if "event files" in text]
    assert text.startswith("The event files for TensorBoard cannot be written: [Errno ")
    assert text.endswith("The training continues without them.")


def test_histograms_are_thinned_where_they_would_take_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.live.event_files.FREE_SECONDS", 0.0)
    monkeypatch.setattr("pipeline.live.event_files.COST_SHARE", 0.0)
    pipeline.run(SMOKE, OVERRIDES, workspace=tmp_path, until="train", progress=Silent())
    events = events_of(tmp_path, "train")
    assert [one.step for one in events.Histograms("logits/bias/histogram")] == [1]
    assert series(events, "epoch_loss")[0] == [1, 2, 3]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> HeldTraining:
    """A training that was interrupted in epoch 1, killed at the end of epoch 3, and completed."""
    training = HeldTraining(tmp_path_factory.mktemp("resumed"))
    process = training.start(1)
    training.wait(1)
    process.send_signal(signal.SIGINT)
    training.release(1)
    assert process.wait(300) == 130
    process = training.start(3)
    training.wait(3)
    partial = events_of(training.workspace, "train")
    assert series(partial, "epoch_loss")[0] == [1, 2]
    assert series(partial, "batch_position")[1][-1] == 3
    process.kill()
    process.wait(300)
    assert training.start().wait(300) == 0
    return training


def test_resumed_training_has_each_step_once(resumed: HeldTraining) -> None:
    for part in ("train", "validation"):
        assert series(events_of(resumed.workspace, part), "epoch_loss")[0] == [1, 2, 3, 4]
    events = events_of(resumed.workspace, "train")
    steps, _ = series(events, "batch_loss")
    assert steps == sorted(set(steps))
    assert series(events, "batch_position")[1][-1] == EPOCHS
    assert [one.step for one in events.Histograms("logits/bias/histogram")] == [1, 2, 3, 4]


def test_resumed_training_keeps_the_times_of_its_first_events(resumed: HeldTraining) -> None:
    events = events_of(resumed.workspace, "train")
    times = [value.wall_time for value in events.Scalars("epoch_loss")]
    assert times == sorted(times)
    assert times[0] < events.FirstEventTimestamp() < times[1], "the last process began in between"


def test_killed_writer_leaves_files_that_can_be_read(trained: Path, tmp_path: Path) -> None:
    [folder] = (trained / "runs" / "tensorboard").iterdir()
    [whole] = (folder / "train").iterdir()
    for cut in (0, 5, 12, 100, -1):
        copied = tmp_path / "runs" / "tensorboard" / f"cut{cut}" / "train"
        copied.mkdir(parents=True)
        (copied / whole.name).write_bytes(whole.read_bytes()[:cut])
        curve = CurveReader(copied.parent).read()
        assert (curve is None) == (cut in {0, 5, 12, 100})


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


@pytest.fixture
def tensorboard(resumed: HeldTraining) -> Iterator[str]:
    """The address of a TensorBoard server for the folder that ``--tensorboard`` prints."""
    port = free_port()
    folder = resumed.workspace / "runs" / "tensorboard"
    command = ["-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, *command, "--host", "127.0.0.1"], stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def get(address: str) -> Any:
    try:
        return requests.get(address, timeout=60).json()
    except requests.ConnectionError:  # not started yet
        return {}


@pytest.mark.slow
def test_tensorboard_lists_the_runs_and_their_tags(resumed: HeldTraining, tensorboard: str) -> None:
    address, name = f"{tensorboard}/data/plugin", resumed.files.name
    both = {f"{name}/train", f"{name}/validation"}
    wait_until(lambda: both == get(f"{address}/scalars/tags").keys(), 180)
    tags = get(f"{address}/scalars/tags")
    assert {"epoch_loss", "epoch_learning_rate", "batch_accuracy"} <= tags[f"{name}/train"].keys()
    histograms = get(f"{address}/histograms/tags")[f"{name}/train"]
    assert sorted(histograms) == [f"{name}/histogram" for name in WEIGHTS]
