"""``pipeline runs``: complete, failed, running and interrupted runs of real networks."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipeline
from pipeline.commands.clean import Removed
from pipeline.commands.runs import Run
from pipeline.engine.records import Records
from pipeline.errors import RequestError
from pipeline.progress import Silent
from tests.support.command_line import assert_error, in_process
from tests.support.files import contents
from tests.support.paths import SMOKE

TINY = ("model.hidden=[4]", "train.epochs=1")
BATCH = ("train.batch_size=1024", *TINY, "name=batch")


@pytest.fixture(scope="module")
def recorded(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published smoke model, then a run with changed keys and one that diverged; read-only."""
    workspace = tmp_path_factory.mktemp("recorded") / "workspace"
    shutil.copytree(smoke, workspace)
    changed = in_process("run", SMOKE, *BATCH, "--until", "evaluate", "-C", workspace)
    assert changed.code == 0, changed.err
    diverging = "optimizer={name: sgd, learning_rate: 1e30}"
    assert in_process("run", SMOKE, diverging, *TINY, "name=wild", "-C", workspace).code == 1
    return workspace


def lines_of(text: str) -> dict[str, str]:
    """Return the rows of the table by the name of the run, with the cells joined."""
    rows = (line.split() for line in text.splitlines() if re.match(r" ?\w+-[0-9a-f]{8} ", line))
    return {row[0].rpartition("-")[0]: " ".join(row[1:]) for row in rows}


def test_table_lists_runs_newest_first(recorded: Path) -> None:
    """One line each in a pipe; without the name, and without sections that a key needs not."""
    rows = lines_of(in_process("runs", "-C", recorded).out)
    assert list(rows) == ["wild", "batch", "smoke"]
    scores = r"mnist \(SAMPLE\) {}0\.\d{{4}} 0\.\d{{4}} \d+\.\d s complete$"
    changes = r"hidden=\[4\] batch_size=1024 epochs=1 "
    assert re.search(scores.format(changes), rows["batch"])
    assert re.search(scores.format(""), rows["smoke"])
    assert "(SAMPLE) hidden=[4] optimizer=sgd learning_rate=1e+30 epochs=1 failed: " in rows["wild"]
    assert rows["wild"].endswith(" …")


def test_table_has_the_newest_runs_only_unless_all_are_wanted(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.cli.workspace._NEWEST", 2)
    assert list(lines_of(in_process("runs", "-C", recorded).out)) == ["wild", "batch"]
    assert len(lines_of(in_process("runs", "--all", "-C", recorded).out)) == 3


def test_failed_run_in_full(recorded: Path) -> None:
    done = in_process("runs", "wild", "-C", recorded)
    assert "TrainingDiverged: " in done.out
    assert "Nothing was published" in done.out
    assert "epoch 1, step" in done.out
    assert "no output" in done.out
    command = f"pipeline run {SMOKE} 'optimizer={{name: sgd, learning_rate: 1e30}}' 'model.hidden"
    assert f"To run it again: {command}" in done.out


def test_published_run_in_full(recorded: Path) -> None:
    out = in_process("runs", "smoke", "-C", recorded).out
    assert f"published     {recorded}/exported/smoke/1" in out
    assert f"configuration {SMOKE}" in out
    for stage in ("data", "train", "evaluate", "export", "verify", "report", "publish"):
        folder = rf"{recorded}/runs/{stage}/[0-9a-f]{{16}}"
        assert re.search(rf"^{stage} +\d+\.\d s +{folder}$", out, re.M)
    assert re.search(r"^ validation +0\.\d{4}", out, re.M)


def test_documents(recorded: Path) -> None:
    listed = json.loads(in_process("runs", "-C", recorded, "--json").out)["runs"]
    assert [run["name"] for run in listed] == ["wild", "batch", "smoke"]
    batch = json.loads(in_process("runs", "batch", "-C", recorded, "--json").out)
    assert batch == listed[1]
    assert batch["changes"] == {
        "name": "batch", "train.batch_size": 1024, "model.hidden": [4], "train.epochs": 1,
    }  # fmt: skip
    assert batch["overrides"] == list(BATCH)
    assert batch["config"]["train"]["batch_size"] == 1024
    assert set(batch["metrics"]["test"]) == {"accuracy", "loss", "baseline"}
    assert batch["training_seconds"] < batch["seconds"]
    assert [(s["name"], s["exists"]) for s in batch["stages"]] == [
        ("data", True), ("train", True), ("evaluate", True),
    ]  # fmt: skip
    assert batch["stages"][1]["seconds"] == batch["training_seconds"]
    wild = listed[0]
    assert (wild["status"], wild["error"]["type"]) == ("failed", "TrainingDiverged")
    assert (wild["metrics"], wild["training_seconds"], wild["published"]) == ({}, None, [])


def test_python_api(recorded: Path) -> None:
    found = pipeline.runs(workspace=recorded)
    assert [run.record.name for run in found] == ["wild", "batch", "smoke"]
    [smoke] = pipeline.runs("smoke", workspace=recorded)
    assert smoke == found[-1]
    assert smoke.published == (recorded / "exported" / "smoke" / "1",)
    assert smoke.metrics["test"].scores["accuracy"] > 0.8


def test_run_is_found_by_the_beginning_of_its_hash(recorded: Path) -> None:
    for run in pipeline.runs(workspace=recorded):
        fingerprint = run.record.fingerprint
        for text in (run.id, run.id[:-4], fingerprint, fingerprint[:6], run.record.name):
            assert pipeline.runs(text, workspace=recorded) == [run]


def test_unknown_and_ambiguous_runs(recorded: Path, tmp_path: Path) -> None:
    done = in_process("runs", "bach", "-C", recorded)
    assert_error(done, 2, "No run 'bach' is recorded in", "Did you mean 'batch'? List the runs")
    assert_error(in_process("runs", "", "-C", recorded), 2, "No run '' is recorded")
    records = Records(tmp_path / "runs" / "records").folder
    shutil.copytree(recorded / "runs" / "records", records)
    for name in ("small", "smart"):
        [path] = records.glob("smoke-*.json")
        text = path.read_text().replace('"name": "smoke"', f'"name": "{name}"')
        (records / path.name.replace("smoke", name)).write_text(text)
    done = in_process("runs", "sma", "-C", tmp_path)
    assert_error(done, 2, "2 runs have a name or hash that begins with 'sma': sma",
                 ". Specify one of them.")  # fmt: skip


def test_workspace_without_runs(tmp_path: Path) -> None:
    done = in_process("runs", "-C", tmp_path)
    assert (done.code, done.out) == (0, "No run is recorded yet. To start one: pipeline run\n")
    assert_error(in_process("runs", "a", "-C", tmp_path), 2, "No run is recorded in", "with -C")
    done = in_process("runs", "-C", tmp_path / "none")
    assert_error(done, 2, "is not a folder. Specify the one that contains runs/")
    assert contents(tmp_path) == []


def test_damaged_record_is_listed_with_what_to_do(recorded: Path, tmp_path: Path) -> None:
    records = tmp_path / "runs" / "records"
    shutil.copytree(recorded / "runs" / "records", records)
    [damaged] = records.glob("batch-*.json")
    damaged.write_bytes(damaged.read_bytes()[:100])
    text = (
        f"The record {damaged} cannot be read: it is damaged, or a newer version of this package "
        "wrote it. Run its configuration again, which writes a new record, or remove the file."
    )
    done = in_process("runs", "-C", tmp_path)
    assert list(lines_of(done.out)) == ["wild", "smoke"]
    assert done.out.splitlines()[-1] == f"damaged {text}"
    document = json.loads(in_process("runs", "-C", tmp_path, "--json").out)
    assert (len(document["runs"]), document["damaged"]) == (2, [text])
    for path in records.glob("*.json"):
        path.write_text("{}")
    done = in_process("runs", "-C", tmp_path)
    assert (done.code, len(done.out.splitlines())) == (0, 3)
    assert "No run is recorded yet" not in done.out


def test_missed_gate_is_shown_with_the_metrics(recorded: Path, tmp_path: Path) -> None:
    shutil.copytree(recorded, tmp_path / "copy")
    strict = "publish.min_accuracy_on_sample=0.999"
    assert in_process("run", SMOKE, strict, "-C", tmp_path / "copy").code == 1
    [run] = pipeline.runs("smoke", workspace=tmp_path / "copy")
    assert run.record.error is not None
    assert (run.status, run.record.error.type) == ("failed", "AccuracyTooLow")
    assert run.record.changes == {"publish.min_accuracy_on_sample": 0.999}
    assert run.metrics["validation"].scores["accuracy"] < 0.999


# Trains, and stops with a checkpoint in the third epoch until it is killed.
TRAINING = """
import sys
import pipeline.training.checkpoint as checkpoint
from pipeline import run
checkpoint.MIN_SECONDS, checkpoint.COST_SHARE = 0.0, 1e9
save = checkpoint.Checkpoint.save

def save_and_wait(self, position, *others):
    save(self, position, *others)
    if position.epoch == 2:
        print("saved", flush=True)
        sys.stdin.read()

checkpoint.Checkpoint.save = save_and_wait
run(sys.argv[1], sys.argv[3:], workspace=sys.argv[2], until="train")
"""
RESUMED = ("model.hidden=[4]", "train.epochs=4", "name=killed")


class Notices(Silent):
    """Ends a process when something waits for it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.texts: list[str] = []
        self._process = process

    def notice(self, text: str) -> None:
        self.texts.append(text)
        self._process.kill()
        self._process.communicate()


@dataclass(frozen=True)
class Killed:
    """A workspace with a killed training, and what was seen before."""

    workspace: Path
    running: Run
    dry_run: list[Removed]
    removed: list[Removed]
    notices: list[str]


@pytest.fixture(scope="module")
def killed(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """A training that is killed when ``clean`` waits for it."""
    workspace = tmp_path_factory.mktemp("killed") / "workspace"
    shutil.copytree(recorded, workspace)
    arguments = [sys.executable, "-c", TRAINING, str(SMOKE), str(workspace), *RESUMED]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "saved\n"
        [running] = pipeline.runs("killed", workspace=workspace)
        dry_run = pipeline.clean(keep=0, dry_run=True, workspace=workspace)
        notices = Notices(process)
        removed = pipeline.clean(keep=1, workspace=workspace, progress=notices)
    return Killed(workspace, running, dry_run, removed, notices.texts)


def test_running_run(killed: Killed) -> None:
    assert killed.running.status == "running"
    assert killed.running.stopped_in is None
    assert not [one for one in killed.dry_run if killed.running.record.fingerprint in str(one.path)]


def test_clean_waits_for_runs(killed: Killed) -> None:
    assert killed.notices == [
        "Waiting for the runs in this workspace to finish (clean needs exclusive access)."
    ]
    removed = {one.path.parent.name for one in killed.removed}
    assert removed == {
        "records",
        "train",
        "evaluate",
        "tensorboard",
    }  # of the other runs, but no checkpoint
    names = [run.record.name for run in pipeline.runs(workspace=killed.workspace)]
    assert names == ["killed", "smoke"]  # the second one is published


def test_killed_training_is_shown_as_interrupted_and_resumes(
    killed: Killed, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(killed.workspace, workspace)
    [checkpoint] = (workspace / "runs" / "checkpoints").glob("*.npz")
    with np.load(checkpoint) as file:
        assert json.loads(file["description"].tobytes())["position"]["epoch"] == 2
    shown = in_process("runs", "killed", "-C", workspace).out
    assert "interrupted at epoch 3" in shown
    assert "last stage    train" in shown
    [command] = re.findall("^To resume: pipeline (.*)", shown, re.M)
    assert in_process(*shlex.split(command)).code == 0
    [run] = pipeline.runs("killed", workspace=workspace)
    assert (run.status, run.stopped_in, run.record.until) == ("complete", None, "train")


def test_run_interrupted_in_another_stage(recorded: Path, tmp_path: Path) -> None:
    """Killed after ``evaluate``: its record still says that it is running."""
    shutil.copytree(recorded, tmp_path / "copy")
    [path] = (tmp_path / "copy" / "runs" / "records").glob("batch-*.json")
    document: dict[str, Any] = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "status": "running", "until": "verify"}))
    assert "interrupted in export" in in_process("runs", "batch", "-C", tmp_path / "copy").out


def test_damaged_checkpoint_has_no_epoch(killed: Killed, tmp_path: Path) -> None:
    shutil.copytree(killed.workspace, tmp_path / "copy")
    [checkpoint] = (tmp_path / "copy" / "runs" / "checkpoints").glob("*.npz")
    checkpoint.write_bytes(b"PK")
    [run] = pipeline.runs("killed", workspace=tmp_path / "copy")
    assert (run.status, run.stopped_in) == ("interrupted", "train")


def test_limit_and_unknown_run_of_the_api(recorded: Path) -> None:
    assert len(pipeline.runs(limit=1, workspace=recorded)) == 1
    with pytest.raises(RequestError, match="No run 'none' is recorded"):
        pipeline.runs("none", workspace=recorded)
