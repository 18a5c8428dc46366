"""Run records: what they contain, how they end, and what is shown while runs are running."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.engine.records import Failure, Record, Records
from pipeline.errors import AccuracyTooLow, StorageError
from tests.support.files import contents

RECORD = Record(
    name="mlp",
    fingerprint="0123456789abcdef",
    config={"name": "mlp", "train": {"epochs": 3}},
    file="configs/mlp.yaml",
    overrides=("train.epochs=3",),
    changes={"train.epochs": 3},
    source="sample",
    stages={"train": "0123456789abcdef"},
    until="publish",
    started="2026-01-01T00:00:00.000+00:00",
)
# Writes the record of a run that lasts until its input ends; fails if that is a text.
RUN = """
import sys
from dataclasses import replace
from pathlib import Path
from pipeline.engine.records import Records
from tests.engine.test_records import RECORD
with Records(Path(sys.argv[1])).write(replace(RECORD, until=sys.argv[2])):
    print("running", flush=True)
    if text := sys.stdin.read():
        raise SystemError(text)
"""


class Run:
    """A run in another process."""

    def __init__(self, folder: Path, until: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(folder), until],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "running\n"

    def end(self, failure: str = "") -> None:
        self._process.communicate(failure)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def state(folder: Path) -> tuple[str, bool, str]:
    """Return the status of the only record, whether its run is running, and where it stops."""
    [run] = Records(folder).all()
    return run.record.status, run.is_running, run.record.until


def test_record_tells_how_a_run_ended(tmp_path: Path) -> None:
    records = Records(tmp_path / "records")
    with records.write(RECORD):
        [running] = records.all()
        assert running.record == RECORD
        assert running.is_running
    [complete] = records.all()
    assert not complete.is_running
    ended = complete.record
    assert replace(ended, status="running", finished=None, seconds=None) == RECORD
    assert (ended.status, ended.id) == ("complete", "mlp-01234567")
    assert ended.finished is not None
    assert ended.finished > RECORD.started
    assert contents(tmp_path / "records") == ["mlp-01234567.json", "mlp-01234567.lock"]


def test_record_has_the_class_and_the_message_of_an_error(tmp_path: Path) -> None:
    with pytest.raises(AccuracyTooLow), Records(tmp_path).write(RECORD):
        raise AccuracyTooLow("too low")
    [run] = Records(tmp_path).all()
    assert (run.record.status, run.record.error) == ("failed", Failure("AccuracyTooLow", "too low"))


def test_interrupted_run_is_neither_complete_nor_running(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Records(tmp_path).write(RECORD):
        raise KeyboardInterrupt
    assert state(tmp_path) == ("running", False, "publish")


def test_runs_are_listed_newest_first_and_damaged_records_are_not(tmp_path: Path) -> None:
    records = Records(tmp_path)
    for name, day in (("a", 2), ("b", 3), ("c", 1)):
        with records.write(replace(RECORD, name=name, started=f"2026-01-0{day}T00:00:00+00:00")):
            pass
    (tmp_path / "a-00000000.json").write_text("{")
    (tmp_path / "d-00000000.json").write_text('{"name": "d"}')
    assert [run.record.name for run in records.all()] == ["b", "a", "c"]
    assert [path.name for path in records.damaged()] == ["a-00000000.json", "d-00000000.json"]


def test_no_records() -> None:
    assert Records(Path("nowhere")).all() == []
    assert Records(Path("nowhere")).damaged() == []


@pytest.mark.process
def test_killed_run_is_not_running(tmp_path: Path) -> None:
    run = Run(tmp_path, "train")
    assert state(tmp_path) == ("running", True, "train")
    run.kill()
    assert state(tmp_path) == ("running", False, "train")
    with Records(tmp_path).write(RECORD):
        assert state(tmp_path) == ("running", True, "publish")
    assert state(tmp_path) == ("complete", False, "publish")


@pytest.mark.process
def test_run_that_began_last_keeps_its_record(tmp_path: Path) -> None:
    """The first of two runs of the same network ends while the second is running."""
    first, second = Run(tmp_path, "train"), Run(tmp_path, "publish")
    first.end("failed")
    assert state(tmp_path) == ("running", True, "publish")
    second.end()
    assert state(tmp_path) == ("complete", False, "publish")


@pytest.mark.process
def test_run_ends_after_a_later_one_was_killed(tmp_path: Path) -> None:
    first, second = Run(tmp_path, "train"), Run(tmp_path, "publish")
    second.kill()
    assert state(tmp_path) == ("running", False, "publish")
    first.end()
    assert state(tmp_path) == ("complete", False, "train")


def test_unwritable_records_are_reported(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with (
        pytest.raises(StorageError, match=r"part of the path is a file.*--workspace"),
        Records(tmp_path / "runs" / "records").write(RECORD),
    ):
        pytest.fail("the run must not begin")
