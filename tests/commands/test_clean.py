"""``pipeline clean``: it removes what neither a kept run nor a published version needs."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pipeline
from pipeline.config import read
from pipeline.engine.records import Record, Records
from pipeline.engine.workspace import Workspace
from pipeline.errors import ModelError, RequestError, StorageError
from pipeline.progress import Silent
from pipeline.stages import run_stages
from pipeline.system.atomic import locked
from pipeline.tracking.journal import Journal, State
from tests.support.command_line import assert_error, in_process
from tests.support.files import contents
from tests.support.paths import SMOKE

STAGES = ("data", "train", "evaluate", "export", "verify", "report", "publish")
DAY = 86_400


def add_run(workspace: Path, name: str, digit: str, *, days: int = 0, **stages: str) -> Record:
    """Add a complete run and its outputs: those of ``stages`` and others of its own."""
    prints = {stage: stages.get(stage, digit * 16) for stage in STAGES}
    for stage, fingerprint in prints.items():
        folder = workspace / "runs" / stage / fingerprint
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text("{}")
        (folder / "file").write_bytes(bytes(1000))
        os.utime(folder, (time.time() - days * DAY,) * 2)
    ended = time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime(time.time() - days * DAY))
    record = Record(
        name=name,
        fingerprint=prints["train"],
        config={"name": name, "data": {"name": "mnist"}},
        source="sample",
        stages=prints,
        until="publish",
        started=ended,
    )
    records = Records(workspace / "runs" / "records")
    with records.write(record):
        pass
    path = records.folder / f"{record.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "finished": ended}))
    return record


def names(workspace: Path) -> list[str]:
    return [run.record.name for run in pipeline.runs(workspace=workspace)]


def outputs(workspace: Path) -> set[str]:
    """Return the first digits of all outputs of the stage ``train``."""
    return {path.name[0] for path in (workspace / "runs" / "train").iterdir()}


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Runs that ended 40 days ago, 20 days ago and now; the first and the last share their data."""
    add_run(tmp_path, "old", "a", days=40)
    add_run(tmp_path, "middle", "b", days=20)
    add_run(tmp_path, "new", "c", data="a" * 16)
    return tmp_path


def test_newest_runs_are_kept(three: Path) -> None:
    done = in_process("clean", "--keep", 2, "-C", three)
    assert done.code == 0, done.err
    assert names(three) == ["new", "middle"]
    assert outputs(three) == {"b", "c"}
    assert (three / "runs" / "data" / ("a" * 16)).is_dir()  # of a kept run as well
    assert not [name for name in contents(three) if ".tmp-" in name]
    assert f"1.0 kB  {three}/runs/train/aaaaaaaaaaaaaaaa" in done.out
    assert "Freed 6." in done.out
    assert in_process("clean", "--keep", 2, "-C", three).out == "There is nothing to remove.\n"


def test_old_runs_are_removed(three: Path) -> None:
    pipeline.clean(older_than="30d", workspace=three)
    assert names(three) == ["new", "middle"]
    copied = three / "runs" / "train" / ("b" * 16)
    os.utime(copied)  # the age of a run is in its record
    pipeline.clean(older_than="2w", workspace=three)
    assert (names(three), outputs(three)) == (["new"], {"c"})
    pipeline.clean(older_than="1h", workspace=three)
    assert names(three) == ["new"]


def test_dry_run_removes_nothing(three: Path) -> None:
    before = contents(three)
    shown = in_process("clean", "--keep", 0, "--dry-run", "-C", three, "--json")
    assert contents(three) == before
    assert "Would free 2" in in_process("clean", "--keep", 0, "--dry-run", "-C", three).out
    done = json.loads(in_process("clean", "--keep", 0, "-C", three, "--json").out)
    assert done == {**json.loads(shown.out), "dry_run": False}
    assert done["bytes"] == sum(one["bytes"] for one in done["removed"]) > 16_000
    assert (names(three), outputs(three)) == ([], set())


def test_outputs_without_a_record_are_removed_by_their_age(three: Path) -> None:
    """Older versions of the package wrote no records."""
    shutil.rmtree(three / "runs" / "records")
    pipeline.clean(older_than="30d", workspace=three)
    assert outputs(three) == {"b", "c"}
    pipeline.clean(keep=5, workspace=three)
    assert outputs(three) == set()


def test_unknown_files_and_folders_are_left_alone(three: Path) -> None:
    runs = three / "runs"
    kept = [runs / "studies" / "a.json", runs / "train" / "notes", runs / "records" / "notes.txt",
            runs / "libraries.log"]  # fmt: skip
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    pipeline.clean(keep=0, workspace=three)
    assert all(path.exists() for path in kept)


def test_event_files_are_removed_with_their_run(three: Path) -> None:
    events = three / "runs" / "tensorboard"
    for name in ("old-aaaaaaaa", "new-cccccccc", "mine"):
        (events / name / "train").mkdir(parents=True)
    removed = pipeline.clean(keep=1, workspace=three)
    assert {path.name for path in events.iterdir()} == {"new-cccccccc", "mine"}
    assert events / "old-aaaaaaaa" in {one.path for one in removed}


def test_journals_that_were_sent_are_removed_with_their_run(three: Path) -> None:
    folder = three / "runs" / "tracking"
    for run, is_sent in {
        "old-aaaaaaaa": True,
        "middle-bbbbbbbb": False,
        "new-cccccccc": True,
    }.items():
        journal = Journal.of(folder, run, "local")
        journal.append({"event": "end"})
        journal.save(State(journal.events()[1] if is_sent else 0))
    removed = {one.path.name for one in pipeline.clean(keep=1, workspace=three)}
    kept = {path.name.rpartition("-")[0] for path in folder.iterdir()}
    assert kept == {"middle-bbbbbbbb", "new-cccccccc"}
    old = Journal.of(folder, "old-aaaaaaaa", "local").path
    assert removed >= {old.name, old.with_suffix(".sent").name}


def test_checkpoints_and_downloads(three: Path) -> None:
    checkpoints, downloads = three / "runs" / "checkpoints", three / "runs" / "downloads" / "mnist"
    checkpoints.mkdir()
    downloads.mkdir(parents=True)
    ages = {"c": 31, "b": 29, "a": 29, "d": 3, "e": 1}  # d and e are of no recorded run
    for digit, days in ages.items():
        path = checkpoints / f"{digit * 16}.npz"
        path.write_bytes(b"")
        os.utime(path, (time.time() - days * DAY,) * 2)
    pipeline.clean(older_than="2d", workspace=three)
    assert {path.stem[0] for path in checkpoints.iterdir()} == {"e"}
    assert downloads.is_dir()
    pipeline.clean(keep=1, workspace=three)
    assert list(checkpoints.iterdir()) == []
    assert not downloads.exists()


@pytest.mark.parametrize("member", ["", "-2", "-trained-1"])
def test_age_of_an_interrupted_run_is_that_of_its_checkpoint(three: Path, member: str) -> None:
    [path] = (three / "runs" / "records").glob("old-*.json")
    document = {**json.loads(path.read_text()), "status": "running", "finished": None}
    path.write_text(json.dumps(document))
    checkpoint = three / "runs" / "checkpoints" / f"{'a' * 16}{member}.npz"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"")
    os.utime(checkpoint, (time.time() - 10 * DAY,) * 2)
    pipeline.clean(older_than="30d", workspace=three)
    assert names(three) == ["new", "middle", "old"]
    assert checkpoint.exists()
    pipeline.clean(older_than="11d", workspace=three)  # the file alone is younger, too
    assert checkpoint.exists()
    pipeline.clean(keep=1, workspace=three)
    assert not checkpoint.exists()


KILLED = """
import os, shutil, signal, sys
import pipeline
from pipeline.progress import Silent
remove = shutil.rmtree

def remove_a_file_and_die(path, **options):
    next(path.iterdir()).unlink()
    os.kill(os.getpid(), signal.SIGKILL)

shutil.rmtree = remove_a_file_and_die
pipeline.clean(keep=0, workspace=sys.argv[1], progress=Silent())
"""


@pytest.mark.process
def test_killed_clean_leaves_no_damaged_output(three: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(three)], check=False)
    assert done.returncode < 0
    left = [path for path in (three / "runs" / "data").iterdir() if path.name.startswith(".tmp-")]
    assert len(left) == 1
    assert names(three) == []  # records are removed first
    for stage in STAGES:
        for folder in (three / "runs" / stage).glob("[0-9a-f]*"):
            assert sorted(contents(folder)) == ["file", "manifest.json"]
    pipeline.clean(keep=0, workspace=three)
    assert not list((three / "runs").glob("*/.tmp-*"))
    assert outputs(three) == set()


def test_published_version_keeps_what_it_needs(workspace: Path) -> None:
    """The run of the version is kept as well; another one with a missed gate is not."""
    strict = ("publish.min_accuracy_on_sample=0.999", "name=strict")
    assert in_process("run", SMOKE, *strict, "-C", workspace).code == 1
    shutil.copytree(workspace / "exported", workspace / "before")
    [train] = (workspace / "runs" / "train").iterdir()
    shutil.copytree(train, train.with_name("0" * 16))
    removed = pipeline.clean(keep=0, workspace=workspace)
    assert {path.path.parent.name for path in removed} == {"records", "train"}
    assert names(workspace) == ["smoke"]
    assert contents(workspace / "exported") == contents(workspace / "before")
    done = in_process("run", SMOKE, "-C", workspace, "--json")
    assert {stage["status"] for stage in json.loads(done.out)["stages"]} == {"cached"}
    done = in_process("verify", "smoke", "--runtime", "onnxruntime", "-C", workspace)
    assert done.code == 0, done.err


def test_published_version_without_records_keeps_its_outputs(workspace: Path) -> None:
    shutil.rmtree(workspace / "runs" / "records")
    assert pipeline.clean(keep=0, workspace=workspace) == []


def test_unreadable_version_stops_the_command(workspace: Path) -> None:
    (workspace / "exported" / "smoke" / "1" / "manifest.json").write_text("{}")
    before = contents(workspace)
    with pytest.raises(ModelError, match=r"Nothing was removed, since .* Restore the file, or rem"):
        pipeline.clean(keep=0, workspace=workspace)
    assert contents(workspace) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "exactly one of --keep N, which keeps the newest N runs, and --older-than"),
        (["--keep", "1", "--older-than", "1d"], "such as --older-than 30d; got both."),
        (["--older-than", "30"], "hours, days or weeks, such as 12h, 30d or 2w; got '30'."),
        (["--older-than", "1.5d"], "must be a whole number of hours"),
        (["--older-than", "9999999999d"], "must be a whole number of hours"),
        (["--keep", "-1"], "--keep must be an integer of at least 0; got '-1'."),
        (["--keep", "some"], "--keep must be an integer of at least 0; got 'some'."),
    ],
)
def test_invalid_options(tmp_path: Path, options: list[str], words: str) -> None:
    assert_error(in_process("clean", *options, "-C", tmp_path), 2, words)


def test_invalid_arguments_of_the_api(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="--keep must be at least 0; got -1"):
        pipeline.clean(keep=-1, workspace=tmp_path)
    with pytest.raises(RequestError, match="is not a folder"):
        pipeline.clean(keep=1, workspace=tmp_path / "none")
    assert pipeline.clean(keep=1, workspace=tmp_path) == []


@pytest.mark.process
def test_missing_permission_is_reported(three: Path) -> None:
    """Root may remove anything, unless this capability is dropped."""
    folder = three / "runs" / "train"
    folder.chmod(0o555)
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    prefix = drop if os.geteuid() == 0 else []
    arguments = [sys.executable, "-m", "pipeline", "clean", "--keep", "0", "-C", str(three)]
    done = subprocess.run([*prefix, *arguments], capture_output=True, text=True, check=False)
    folder.chmod(0o755)
    assert done.returncode == StorageError.exit_code
    assert f"Cannot remove {folder}/aaaaaaaaaaaaaaaa: Permission denied." in done.stderr
    assert "Change its permissions" in done.stderr


class Waiting(Silent):
    """Ends a command that waits."""

    def notice(self, text: str) -> None:
        raise KeyboardInterrupt(text)


@pytest.mark.parametrize(
    ("force", "words"),
    [
        (None, "Waiting for another command with exclusive access to this workspace to finish."),
        ("train", "Waiting for other runs .* to finish .--force needs exclusive access.\\."),
    ],
)
def test_run_waits_for_clean(three: Path, force: str | None, words: str) -> None:
    with locked(three / "runs"), pytest.raises(KeyboardInterrupt, match=words):  # as clean has it
        run_stages(read(SMOKE), Workspace(three), Waiting(), force=force)
