"""The commands for labels and versions: label, promote, rollback, remove and gc."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.artifacts.stage_facts import ExportFacts
from pipeline.engine.store import Store
from pipeline.errors import ModelError, RequestError
from pipeline.publishing.candidate import Candidate
from pipeline.publishing.history import read_history
from pipeline.publishing.locating import locate
from pipeline.publishing.manifest import Description
from pipeline.publishing.new_version import publish
from pipeline.publishing.published_folder import find_published, read_labels, versions_of
from pipeline.publishing.removal import removed_versions
from tests.support.command_line import assert_error, in_process
from tests.support.files import contents


def publish_version(smoke: Path, workspace: Path, license_id: str) -> None:
    """Publish a version of the same files that differs by its license."""
    [export] = (smoke / "runs" / "export").iterdir()
    output = Store(smoke / "runs").find(ExportFacts, export.name)
    assert output is not None
    text = (smoke / "exported" / "smoke" / "1" / "manifest.json").read_text()
    known = {k: v for k, v in json.loads(text).items() if k in Description.model_fields}
    description = Description.model_validate_json(json.dumps({**known, "license": license_id}))
    folder = workspace / "exported" / "smoke"
    publish(Candidate(license_id, output, description), folder, label="stable")


@pytest.fixture(scope="module")
def three(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with three versions, published one after the other."""
    workspace = tmp_path_factory.mktemp("three")
    for license_id in "abc":
        publish_version(smoke, workspace, license_id)
    return workspace


@pytest.fixture
def workspace(three: Path, tmp_path: Path) -> Path:
    shutil.copytree(three, tmp_path / "copy")
    return tmp_path / "copy"


def folder_of(workspace: Path) -> Path:
    return workspace / "exported" / "smoke"


def test_rollback_goes_back_one_version_each_time(workspace: Path) -> None:
    done = in_process("rollback", "smoke", "--reason", "worse on 7", "--by", "Ada", "-C", workspace)
    assert done.out == "The label stable of smoke moved from version 3 to 2.\n"
    assert find_published(folder_of(workspace)).version == 2
    move = pipeline.rollback("smoke", workspace=workspace)
    assert (move.before, move.now, move.pinned) == (2, 1, False)
    done = in_process("rollback", "smoke", "-C", workspace)
    assert_error(done, 2, "no earlier version of the label stable, now at version 1")
    assert "pipeline label smoke stable=VERSION" in done.err
    last = [entry for entry in read_history(folder_of(workspace)) if entry.reason]
    assert [(e.action, e.version, e.before, e.reason, e.by) for e in last] == [
        ("rollback", 2, 3, "worse on 7", "Ada")
    ]


def test_label_moved_by_hand_is_recorded_and_rolled_back(workspace: Path) -> None:
    (folder_of(workspace) / "labels.json").write_text('{"stable": 1}')
    assert pipeline.rollback("smoke", workspace=workspace).now == 3
    found = [e for e in pipeline.history("smoke", workspace=workspace) if e.action == "found"]
    assert [(e.label, e.before, e.version) for e in found] == [("stable", 3, 1)]
    (folder_of(workspace) / "labels.json").write_text('{"stable": 1}')  # undoes the rollback
    assert pipeline.rollback("smoke", workspace=workspace).now == 3


def test_promotion(workspace: Path) -> None:
    done = in_process("label", "smoke", "canary=2", "stable=1", "-C", workspace)
    assert done.out == (
        "The label canary of smoke is new, at version 2.\n"
        "The label stable of smoke moved from version 3 to 1.\n"
    )
    done = in_process("promote", "smoke", "canary", "--json", "-C", workspace)
    assert json.loads(done.out) == {
        "labels": [{"model": "smoke", "label": "stable", "before": 1, "now": 2, "pinned": False}]
    }
    assert pipeline.promote("smoke", workspace=workspace).now == 3
    assert pipeline.promote("smoke/2", label="canary", workspace=workspace).now == 2
    done = in_process("promote", "smoke", "-C", workspace)
    assert done.out == "The label stable of smoke is already at version 3.\n"
    assert read_labels(folder_of(workspace)) == {"stable": 3, "canary": 2}


def test_pinned_label_is_left_by_publications(workspace: Path, smoke: Path) -> None:
    arguments = ("label", "smoke", "stable=1", "--pin", "--reason", "incident 12")
    done = in_process(*arguments, "-C", workspace)
    assert done.out.endswith("to 1. It is pinned: runs leave it there.\n")
    publish_version(smoke, workspace, "d")
    assert read_labels(folder_of(workspace)) == {"stable": 1}
    assert versions_of(folder_of(workspace)) == [1, 2, 3, 4]
    done = in_process("label", "smoke", "stable=1", "--no-pin", "-C", workspace)
    assert done.out.endswith("is already at version 1. It is not pinned: runs may move it.\n")
    publish_version(smoke, workspace, "e")
    assert read_labels(folder_of(workspace)) == {"stable": 5}


def test_pins_are_in_the_history(workspace: Path) -> None:
    pipeline.rollback("smoke", pin=True, reason="incident 12", by="Ada", workspace=workspace)
    pipeline.label("smoke", {"stable": 2}, pin=True, reason="incident 12", workspace=workspace)
    pipeline.label("smoke", {"stable": 2}, pin=True, reason="audit", workspace=workspace)
    pipeline.label("smoke", {"stable": 2}, pin=False, by="Ben", workspace=workspace)
    pipeline.label("smoke", {"stable": 2}, pin=False, workspace=workspace)
    pipeline.label("smoke", {"old": 1}, pin=True, workspace=workspace)
    pipeline.label("smoke", {"old": None}, workspace=workspace)
    entries = pipeline.history("smoke", workspace=workspace)[6:]
    assert [(e.action, e.label, e.before, e.version, e.reason, e.by) for e in entries] == [
        ("rollback", "stable", 3, 2, "incident 12", "Ada"),
        ("pin", "stable", 2, 2, "incident 12", "Ada"),
        ("pin", "stable", 2, 2, "audit", None),
        ("unpin", "stable", 2, 2, None, "Ben"),
        ("label", "old", None, 1, None, None),
        ("pin", "old", 1, 1, None, None),
        ("label", "old", 1, None, None, None),
        ("unpin", "old", None, None, None, None),
    ]
    (folder_of(workspace) / "labels.json").write_text('{"stable": 3}')  # undoes the rollback
    assert pipeline.rollback("smoke", workspace=workspace).now == 2, "pins are not moves"
    assert pipeline.rollback("smoke", workspace=workspace).now == 1


def test_labels_and_history_are_printed(workspace: Path) -> None:
    pipeline.label("smoke", {"old": 1}, pin=True, reason="audit", workspace=workspace)
    done = in_process("label", "smoke", "-C", workspace)
    assert "stable: version 3\n" in done.out
    assert "old: version 1 (pinned: audit)\n" in done.out
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +publish +3 +stable +2", done.out)
    document = json.loads(in_process("label", "smoke", "--json", "-C", workspace).out)
    assert document["labels"] == {"stable": 3, "old": 1}
    assert document["pins"] == {"old": "audit"}
    assert [entry["action"] for entry in document["history"][-2:]] == ["label", "pin"]
    done = in_process("label", "smoke", "old=", "-C", workspace)
    assert done.out == "The label old of smoke was removed from version 1.\n"
    assert json.loads((folder_of(workspace) / "pins.json").read_text()) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("label", "smoke", "stable"), "must be written LABEL=VERSION, as in stable=3"),
        (("label", "smoke", "stable=1", "canary=9"), "No label was moved."),
        (("label", "smoke/2", "stable=1"), "version after the label, as in stable=2"),
        (("label", "smoke", "stable=1", "--reason", "a\x1b"), "--reason must be one line of text"),
        (("promote", "smoke/0"), "smoke has no version 0"),
        (("label", "smoke", "stable=9"), "smoke has no version 9; its versions are 1, 2, 3. No"),
        (("label", "smoke", "stable=new"), "must be a number or a label of smoke (stable)"),
        (("label", "smoke", "2=3"), "must not be a number; got '2'"),
        (("label", "smoke", "a/b=3"), "must consist of letters, digits"),
        (("label", "smoke", "old="), "has no label 'old'; its labels are stable."),
        (("label", "smok", "stable=1"), "Did you mean 'smoke'?"),
        (("promote", "smoke/1", "2"), "given twice: in 'smoke/1', and as 2"),
        (("rollback", "smoke/2"), "pipeline label smoke stable=2"),
        (("rollback", "smoke", "--label", "x"), "no earlier version of the label x, which does"),
        (("remove", "smoke"), "Specify the version to remove as NAME/VERSION; got 'smoke'."),
        (("remove", "smoke/9"), "smoke has no version 9: its versions are 1, 2, 3."),
        (("remove", "smoke/3"), "has the label stable. It was not removed. Move the label first"),
        (("remove", "smoke/1", "--undo"), "smoke/1 is published: there is nothing to restore."),
        (("remove", "smoke/9", "--undo"), "no removed version 9: it has no removed version."),
        (("gc", "smoke/1", "--keep", "1"), "Specify a model without a version; got 'smoke/1'."),
    ],
)
def test_mistakes_change_nothing(workspace: Path, arguments: tuple[str, ...], words: str) -> None:
    before = contents(workspace)
    done = in_process(*arguments, "-C", workspace)
    assert_error(done, 2, words)
    assert contents(workspace) == before


def test_label_is_not_moved_to_an_altered_version(workspace: Path) -> None:
    path = folder_of(workspace) / "2" / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"2 was altered after it was published: model\.onnx"):
        pipeline.rollback("smoke", workspace=workspace)
    assert read_labels(folder_of(workspace)) == {"stable": 3}


def test_removed_version_is_restored_until_it_is_deleted(workspace: Path) -> None:
    before = contents(folder_of(workspace) / "2")
    done = in_process("remove", "smoke/2", "-C", workspace)
    assert "Removed smoke/2. To restore it: pipeline remove smoke/2 --undo." in done.out
    assert versions_of(folder_of(workspace)) == [1, 3]
    done = in_process("remove", "smoke/2", "--undo", "-C", workspace)
    assert done.out == "Restored smoke/2.\n"
    assert contents(folder_of(workspace) / "2") == before
    pipeline.remove("smoke/2", workspace=workspace)
    before = contents(workspace)
    done = in_process("gc", "--keep", "0", "--dry-run", "-C", workspace)
    assert re.fullmatch(r" *\d.*  smoke/1\nWould free .*\.\n", done.out)
    assert contents(workspace) == before
    pipeline.label("smoke", {"stable": 3}, workspace=workspace)
    assert [one.version for one in pipeline.gc(keep=0, workspace=workspace)] == [1]
    assert removed_versions(folder_of(workspace)) == [2], "a rollback moves stable to it"
    pipeline.label("smoke", {"stable": None, "other": 3}, workspace=workspace)
    assert [one.version for one in pipeline.gc(keep=0, workspace=workspace)] == [2]
    assert versions_of(folder_of(workspace)) == [3]
    assert in_process("gc", "--keep", "0", "-C", workspace).out == "There is nothing to delete.\n"
    done = in_process("remove", "smoke/2", "--undo", "-C", workspace)
    assert_error(done, 2, "smoke/2 was deleted for good on 20", "(pipeline gc).")


def test_removed_version_is_named_as_removed(workspace: Path) -> None:
    pipeline.remove("smoke/1", workspace=workspace)
    restore = "To restore it: pipeline remove smoke/1 --undo."
    done = in_process("remove", "smoke/1", "-C", workspace)
    assert_error(done, 2, f"smoke/1 was already removed. {restore}")
    done = in_process("remove", "smoke/2", "--undo", "-C", workspace)
    assert_error(done, 2, "smoke/2 is published: there is nothing to restore.")
    done = in_process("remove", "smoke/9", "--undo", "-C", workspace)
    assert_error(done, 2, "no removed version 9: its only removed version is 1.")
    with pytest.raises(ModelError) as missing:
        locate("smoke/1", workspace / "exported")
    assert str(missing.value).startswith(f"smoke/1 was removed. {restore} The versions in ")
    pipeline.remove("smoke/2", workspace=workspace)
    done = in_process("label", "smoke", "stable=9", "-C", workspace)
    assert_error(done, 2, "smoke has no version 9; its only version is 3. No label was moved.")


def test_number_of_a_removed_version_is_never_used_again(workspace: Path, smoke: Path) -> None:
    pipeline.remove("smoke/3", force=True, workspace=workspace)
    done = in_process("models", "-C", workspace)
    assert "The label stable" in done.out
    assert "refers to version 3, which does not exist" in done.out
    pipeline.label("smoke", {"stable": 1}, workspace=workspace)
    pipeline.gc(keep=5, workspace=workspace)
    publish_version(smoke, workspace, "d")
    assert versions_of(folder_of(workspace)) == [1, 2, 4]
    (folder_of(workspace) / "labels.json").write_text('{"stable": 900}')
    pipeline.label("smoke", {"stable": 1}, workspace=workspace)
    shutil.rmtree(folder_of(workspace) / "4")  # by hand
    pipeline.label("smoke", {"stable": 1}, workspace=workspace)
    publish_version(smoke, workspace, "e")
    assert versions_of(folder_of(workspace)) == [1, 2, 5]


def test_removed_version_is_not_published_again(workspace: Path, smoke: Path) -> None:
    pipeline.rollback("smoke", workspace=workspace)
    pipeline.remove("smoke/3", workspace=workspace)
    with pytest.raises(ModelError, match=r"smoke/3, which was removed.*remove smoke/3 --undo"):
        publish_version(smoke, workspace, "c")
    assert versions_of(folder_of(workspace)) == [1, 2]
    assert read_labels(folder_of(workspace)) == {"stable": 2}


def test_label_that_was_removed_and_set_again_is_rolled_back(workspace: Path) -> None:
    for version in (2, None, 2):
        pipeline.label("smoke", {"stable": version}, workspace=workspace)
    assert pipeline.rollback("smoke", workspace=workspace).now == 3


def test_history_without_its_last_newline_is_continued(workspace: Path) -> None:
    path = folder_of(workspace) / "history.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    for version in (1, 2):
        pipeline.label("smoke", {"stable": version}, workspace=workspace)
    assert pipeline.history("smoke", workspace=workspace)[-1].version == 2


def test_model_without_versions_is_explained(workspace: Path) -> None:
    (workspace / "exported" / "empty").mkdir()
    with pytest.raises(RequestError, match=r"'empty', and .* contains no published version"):
        pipeline.label("empty", {"stable": 1}, workspace=workspace)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("history.jsonl", '{"time": "x"}\n', r"Line 1 of .* is not an entry of the history"),
        ("history.jsonl", "nonsense\n", r"Line 1 of .* Correct or remove the line"),
        ("pins.json", "[]", r'must map labels to reasons, as in \{"stable": "incident 12"\}'),
    ],
)
def test_damaged_files_are_explained(workspace: Path, name: str, text: str, words: str) -> None:
    (folder_of(workspace) / name).write_text(text)
    with pytest.raises(ModelError, match=words):
        pipeline.label("smoke", {"stable": 1}, workspace=workspace)
    assert read_labels(folder_of(workspace)) == {"stable": 3}


# Rolls back in processes that are killed before each change of a file.
KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
import pipeline
import pipeline.api.operations

source, target = Path(sys.argv[1]), Path(sys.argv[2])
CHANGES = {"os.rename", "os.remove"}

def roll_back(workspace, killed_at=None):
    process = os.fork()
    if not process:
        changes = 0
        def count(event, arguments):
            nonlocal changes
            writes = event == "open" and any(c in (arguments[1] or "") for c in "wxa+")
            if writes or event in CHANGES:
                changes += 1
                if changes == killed_at:
                    os.kill(os.getpid(), signal.SIGKILL)
        if killed_at:
            sys.addaudithook(count)
        pipeline.rollback("smoke", workspace=workspace)
        os._exit(0)
    return os.waitpid(process, 0)[1] == signal.SIGKILL

killed, number, found = True, 0, []
while killed:
    number += 1
    workspace = target / str(number)
    shutil.copytree(source, workspace)
    killed = roll_back(workspace, number)
    before = pipeline.labels("smoke", workspace=workspace).versions["stable"]
    roll_back(workspace)  # again, as after a crash
    found.append((before, pipeline.labels("smoke", workspace=workspace).versions["stable"]))
print(json.dumps(found))
"""


def test_killed_rollback_is_done_or_not(three: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", KILLED, str(three), str(tmp_path)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, check=True, text=True)
    found = [tuple(pair) for pair in json.loads(done.stdout)]
    assert set(found) == {(3, 2), (2, 1)}, "killed before and after the move"


def test_models_lists_pins_and_the_labels_of_broken_versions(workspace: Path) -> None:
    pipeline.promote("smoke", 2, workspace=workspace, pin=True)
    (folder_of(workspace) / "labels.json").write_text('{"stable": 2, "canary": 3, "old": 9}')
    (folder_of(workspace) / "3" / "manifest.json").unlink()
    document = json.loads(in_process("models", "--json", "-C", workspace).out)
    assert [(m["version"], m["labels"], m["pinned"]) for m in document["models"]] == [
        (1, [], []),
        (2, ["stable"], ["stable"]),
    ]
    unreadable, missing = document["broken"]
    assert unreadable.endswith(" It has the label canary.")
    assert "old" in missing
    assert "9" in missing
    assert "stable (pinned)" in in_process("models", "-C", workspace).out
    (folder_of(workspace) / "pins.json").write_text("[]")
    error, *_ = json.loads(in_process("models", "--json", "-C", workspace).out)["broken"]
    assert "pins.json must map labels to reasons" in error
