"""``pipeline track drop``: journals of a server that will not come back."""

import json
from pathlib import Path

import pytest

from pipeline.engine.records import Record, Records
from pipeline.tracking.journal import Journal, State
from tests.support.command_line import assert_error, in_process

DEAD, OTHER = "http://127.0.0.1:1", "http://127.0.0.1:2"
RUN = "mlp-aaaaaaaa"


def tracked(workspace: Path, run: str, uri: str, *, is_sent: bool = False) -> Journal:
    """Write the journal of one epoch, as a run does."""
    journal = Journal.of(workspace / "runs" / "tracking", run, uri)
    journal.append({"event": "run", "run": run, "uri": uri}, {"event": "epoch", "step": 1})
    journal.save(State(journal.events()[1] if is_sent else 0, "Connection refused"))
    journal.path.with_suffix(".log").write_text("refused")
    return journal


@pytest.fixture
def journals(tmp_path: Path) -> list[Journal]:
    """The journals of two runs to a dead server, of one to another, and of one that was sent."""
    return [
        tracked(tmp_path, RUN, DEAD),
        tracked(tmp_path, "mlp-bbbbbbbb", DEAD),
        tracked(tmp_path, RUN, OTHER),
        tracked(tmp_path, "mlp-cccccccc", DEAD, is_sent=True),
    ]


@pytest.mark.parametrize(("name", "dropped"), [(DEAD, [0, 1]), (RUN, [0, 2])])
def test_what_was_not_sent_is_removed(
    journals: list[Journal], tmp_path: Path, name: str, dropped: list[int]
) -> None:
    done = in_process("track", "drop", name, "-C", tmp_path)
    assert done.code == 0, done.err
    assert [bool(journal.files) for journal in journals] == [n not in dropped for n in range(4)]
    assert len(done.out.splitlines()) == 2
    assert f"{RUN} to {DEAD}: dropped: 1 epoch\n" in done.out
    status = in_process("track", "status", "-C", tmp_path).out
    assert f"{RUN} to {DEAD}" not in status
    assert f"mlp-cccccccc to {DEAD}: sent" in status


def test_document(journals: list[Journal], tmp_path: Path) -> None:
    done = in_process("track", "drop", OTHER, "-C", tmp_path, "--json")
    assert json.loads(done.out) == [
        {"run": RUN, "uri": OTHER, "waiting": "1 epoch", "problem": "Connection refused"}
    ]
    assert not journals[2].files


@pytest.mark.parametrize("name", ["http://127.0.0.1:3", "mlp-cccccccc", ""])
def test_nothing_to_drop(journals: list[Journal], tmp_path: Path, name: str) -> None:
    done = in_process("track", "drop", name, "-C", tmp_path)
    assert_error(done, 2, f"No tracked run or URI {name!r} in ")
    assert done.err.endswith(f"To list the tracked runs: pipeline track status -C {tmp_path}\n")
    assert all(journal.files for journal in journals)


def test_run_in_progress_keeps_its_journal(journals: list[Journal], tmp_path: Path) -> None:
    record = Record(
        name="mlp",
        fingerprint="a" * 16,
        config={},
        source="sample",
        stages={},
        until="train",
        started="2026-01-01T00:00:00.000+00:00",
    )
    with Records(tmp_path / "runs" / "records").write(record):
        done = in_process("track", "drop", DEAD, "-C", tmp_path)
    assert_error(done, 2, f"The run {RUN} is in progress", "Wait until it has ended")
    assert all(journal.files for journal in journals)
    assert in_process("track", "drop", DEAD, "-C", tmp_path).code == 0
