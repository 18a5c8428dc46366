"""``pipeline watch`` on real runs: in a terminal, in a pipe, and on runs that have ended."""

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.text import Text

import pipeline
from pipeline.commands import watch as watch_module
from pipeline.engine.records import Record, Records
from pipeline.engine.workspace import Workspace
from pipeline.live.curve import Curve, Point, stored_curve
from pipeline.progress import TrainingCost
from pipeline.terminal.charts import MARK, chart
from pipeline.terminal.watch_view import watch_document
from tests.support.command_line import assert_error, command, in_process
from tests.support.held_training import EPOCHS, HeldTraining
from tests.support.terminals import Terminal

pytestmark = pytest.mark.tensorflow

RECORD = Record(
    name="mlp",
    fingerprint="a" * 16,
    config={"train": {"epochs": 10}},
    source="sample",
    stages={"data": "b" * 16, "train": "a" * 16, "evaluate": "c" * 16},
    until="evaluate",
    started="2026-01-01T00:00:00.000+00:00",
)


def watching(workspace: Path, *, columns: int, **environment: str) -> Terminal:
    return Terminal(
        *("watch", "-C", workspace), columns=columns, lines=30, PYTHONUTF8="1", **environment
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> HeldTraining:
    """A run that was watched in a terminal and in a pipe, interrupted and completed."""
    training = HeldTraining(tmp_path_factory.mktemp("watched"))
    run = training.start(2)
    training.wait(2)
    watcher = watching(training.workspace, columns=100)
    leaving = watching(training.workspace, columns=40)
    try:
        watcher.wait_for(f"training  epoch 2 of {EPOCHS}")
        assert re.search(r"epoch 2 of 4  [\d,]+ images/s  \d+:\d\d left", watcher.text)
        assert f"{MARK} validation 0." in watcher.text
        leaving.wait_for("epoch 2 of 4")
        leaving.process.send_signal(signal.SIGINT)  # Ctrl-C ends the watching only
        assert leaving.wait() == 130
        assert "Error" not in leaving.text
        assert run.poll() is None
        run.send_signal(signal.SIGINT)
        training.release(2)
        assert run.wait(300) == 130
        assert watcher.wait() == 2
        message = " ".join(watcher.text.split())
        assert "was interrupted at epoch 3 of 4. To resume: pipeline run" in message
    finally:
        run.kill()
        run.wait()
        watcher.close()
        leaving.close()
    assert training.start().wait(300) == 0
    return training


def test_finished_run_in_a_pipe_has_a_line_for_each_epoch(finished: HeldTraining) -> None:
    done = command("watch", "smoke", "-C", finished.workspace)
    *epochs, last = done.out.splitlines()
    assert done.code == 0, done.err
    assert [line.split()[1] for line in epochs] == [f"{n}/{EPOCHS}" for n in range(1, EPOCHS + 1)]
    pattern = r"epoch 1/4  loss \d\.\d{4}  accuracy \d\.\d{4}  val_loss \d\.\d{4}  val_accuracy "
    assert re.match(pattern + r"\d\.\d{4}  [\d,]+ images/s$", epochs[0])
    assert re.fullmatch(r"smoke-[0-9a-f]{8}  complete  epoch 4 of 4  [\d,]+ images/s", last)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_charts_fit_into_the_terminal(finished: HeldTraining, columns: int) -> None:
    terminal = watching(finished.workspace, columns=columns, NO_COLOR="1")
    try:
        assert terminal.wait() == 0
        lines = re.split(r"[\r\n]+", terminal.text)
        assert max(map(len, lines)) <= columns
        axes = [line for line in lines if re.match(r" +0 +epoch 4", line)]
        assert axes
        assert max(map(len, axes)) <= columns - len("^C")  # which would wrap, and move the chart
        assert "\x1b[36m" not in terminal.raw
        [history] = [json.loads(path.read_text()) for path in finished.histories]
        titles = [line for line in lines if f"loss  ⠒ train {history[-1]['loss']:.4f}" in line]
        assert titles
        assert all("accuracy" in line for line in titles) == (columns == 200)
    finally:
        terminal.close()


def test_json_document(finished: HeldTraining) -> None:
    document = json.loads(in_process("watch", "--json", "-C", finished.workspace).out)
    [history] = [json.loads(path.read_text()) for path in finished.histories]
    assert document["status"] == "complete"
    assert (document["epoch"], document["epochs"], document["stage"]) == (4, 4, None)
    for found, expected in zip(document["history"], history, strict=True):
        assert found == pytest.approx(expected, rel=1e-6)


def test_speed_is_the_same_number_in_both_forms(finished: HeldTraining) -> None:
    document = json.loads(in_process("watch", "--json", "-C", finished.workspace).out)
    shown = in_process("watch", "-C", finished.workspace).out.splitlines()[-1]
    assert f"  {document['images_per_second']:,.0f} images/s" in shown


def test_speed_is_that_of_the_latest_steps_until_the_training_ends() -> None:
    record = replace(RECORD, config={"train": {"epochs": 1}})
    curve = Curve(history=[{"loss": 1.0}], speeds=[100.0], speed=3.0)
    training = watch_module.WatchedRun(record, "running", "train", curve)
    for run, speed in ((training, 3.0), (replace(training, stage="evaluate"), 100.0)):
        assert watch_document(run)["images_per_second"] == speed
    assert watch_document(replace(training, curve=None))["images_per_second"] is None


def test_run_without_event_files_shows_its_history(finished: HeldTraining, tmp_path: Path) -> None:
    for name in ("records", "train"):
        (tmp_path / "runs").mkdir(exist_ok=True)
        (tmp_path / "runs" / name).symlink_to(finished.workspace / "runs" / name)
    [shown] = pipeline.watch(workspace=tmp_path)
    assert shown.curve is not None
    assert [point.epochs for point in shown.curve.train["loss"]] == [1, 2, 3, 4]
    assert len(shown.curve.history) == 4


def test_watch_starts_without_tensorflow_numpy_and_the_configuration(
    finished: HeldTraining,
) -> None:
    code = (
        "import sys; from pipeline.cli import app\n"
        f"try: app(['watch', '-C', {str(finished.workspace)!r}])\n"
        "finally: print({'tensorflow', 'numpy', 'pipeline.stages', 'pipeline.config.schema'}"
        " & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_unknown_run_and_empty_workspace(finished: HeldTraining, tmp_path: Path) -> None:
    place = ("-C", finished.workspace)
    assert_error(in_process("watch", "smok3", *place), 2, "No run 'smok3'", "Did you mean 'smoke'?")
    text = f"No run is recorded in {tmp_path}/runs/records yet. Start one with pipeline run"
    assert_error(in_process("watch", "-C", tmp_path), 2, text)


def test_failed_run_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="diverged"),
        Records(tmp_path / "runs" / "records").write(RECORD),
    ):
        [shown] = _first(Workspace(tmp_path))
        assert (shown.status, shown.stage, shown.curve) == ("running", "data", None)
        raise ValueError("It diverged.")
    done = in_process("watch", "-C", tmp_path)
    assert_error(done, 1, "The run mlp-aaaaaaaa failed: It diverged.")
    assert done.out.startswith("mlp-aaaaaaaa  failed: data\n")


def _first(workspace: Workspace) -> list[watch_module.WatchedRun]:
    return [next(watch_module.watch(workspace))]


def test_option_prints_the_command_before_anything_was_trained(tmp_path: Path) -> None:
    done = command("run", "smoke", "nothing.known=1", "--tensorboard", "-C", tmp_path)
    assert done.code == 2
    folder = tmp_path / "runs" / "tensorboard"
    assert folder.is_dir()
    assert re.search(rf"^TensorBoard: \S*tensorboard --logdir {folder}$", done.err, re.MULTILINE)


def test_time_left_is_that_of_the_remaining_epochs() -> None:
    history = [{"loss": 1.0, "val_loss": 2.0}] * 3
    curve = stored_curve(history, [TrainingCost(2.0, 1, 100)] * 3)
    assert curve.seconds_left(3) is None, "no times are known"
    assert curve.speed == 50
    assert curve.validation == {"loss": [Point(1, 2.0), Point(2, 2.0), Point(3, 2.0)]}


def test_chart_draws_validation_as_marks_and_training_as_dots() -> None:
    train = [Point(n / 4, 1 - n / 20) for n in range(1, 17)]
    validation = [Point(n, 1 - n / 5) for n in (1, 2, 3, 4)]
    drawn: Text = chart("loss", train, validation, latest=0.25, epochs=4, width=40, height=8)
    title, *rows, axis = drawn.plain.split("\n")
    assert title.strip() == f"loss  ⠒ train 0.2500  {MARK} val 0.2000"
    assert sum(row.count(MARK) for row in rows) == 4
    assert any(character in "".join(rows) for character in "⠑⠢⠤⡀⢄")
    assert axis.split() == ["0", "epoch", "4"]
    assert {len(line) for line in drawn.plain.split("\n")} == {40}


def test_labels_of_a_chart_are_values_of_the_curve() -> None:
    """An accuracy has no label above 1, and a loss none below 0."""
    drawn = chart(
        "loss", [Point(1, 1.0), Point(2, 0.0)], [], latest=0.0, epochs=2, width=30, height=6
    )
    labels = [line.partition("│")[0].strip() for line in drawn.plain.split("\n") if "│" in line]
    assert (labels[0], labels[-1]) == ("1", "0")


def test_chart_of_a_constant_and_of_one_point() -> None:
    for points in ([Point(1, 0.0)], [Point(1, 3.0), Point(2, 3.0)]):
        assert (
            "epoch 2" in chart("loss", points, [], latest=0.0, epochs=2, width=30, height=6).plain
        )
