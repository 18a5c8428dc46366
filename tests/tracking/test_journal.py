"""The journal: torn and damaged lines, and what was sent."""

from pathlib import Path

import pytest

from pipeline.tracking.events import Event, describe, missing
from pipeline.tracking.journal import Journal, State

EPOCHS: list[Event] = [
    {"event": "epoch", "step": step, "metrics": {}, "time": 0} for step in (1, 2)
]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.of(tmp_path, "run-1", "local")


def test_only_what_was_not_sent_is_pending(journal: Journal) -> None:
    journal.append(EPOCHS[0])
    journal.save(State(journal.events()[1], "refused"))
    journal.append(EPOCHS[1])
    assert journal.pending() == [EPOCHS[1]]
    assert journal.state().problem == "refused"


def test_killed_while_it_wrote(journal: Journal) -> None:
    journal.append(EPOCHS[0])
    with journal.path.open("ab") as file:
        file.write(b'{"event": "ep')
    assert journal.pending() == [EPOCHS[0]]
    journal.append(EPOCHS[1])
    assert journal.pending() == EPOCHS


@pytest.mark.parametrize("line", [b"\xff\x00\n", b"[" * 100_000 + b"\n", b"[]\n", b"3\n", b"{}\n"])
def test_damaged_line_is_skipped(journal: Journal, line: bytes) -> None:
    journal.append(EPOCHS[0])
    with journal.path.open("ab") as file:
        file.write(line)
    journal.append(EPOCHS[1])
    assert journal.pending() == EPOCHS


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"sent": "x", "problem": ""}', b"\xff"])
def test_damaged_state_counts_as_nothing_sent(journal: Journal, content: bytes) -> None:
    journal.append(*EPOCHS)
    journal.path.with_suffix(".sent").write_bytes(content)
    assert journal.pending() == EPOCHS


def test_destinations_have_their_own_journals(tmp_path: Path) -> None:
    assert Journal.of(tmp_path, "run-1", "local") != Journal.of(tmp_path, "run-1", "http://host")


def test_description() -> None:
    assert describe([]) == ""
    assert describe(EPOCHS[:1]) == "1 epoch"
    assert (
        describe([*EPOCHS, *EPOCHS, {"event": "model", "version": 3}]) == "2 epochs and version 3"
    )
    assert describe([{"event": "end"}]) == "the end of the run"


def test_only_new_events_are_missing() -> None:
    report, version = {"event": "report", "path": "a"}, {"event": "model", "version": 1}
    assert missing([*EPOCHS, report, version], [EPOCHS[0], report]) == [EPOCHS[1], version]
    assert missing([{**version, "version": 2}], [version]) == [{**version, "version": 2}]
