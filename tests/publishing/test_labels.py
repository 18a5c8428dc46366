"""Labels: moved once by each publication, also if it is killed, and left alone by other runs."""

import json
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import pipeline
from pipeline.progress import Silent
from pipeline.publishing.published_folder import read_labels, versions_of
from tests.support.command_line import Done, in_process
from tests.support.files import contents
from tests.support.paths import SMOKE

# Publishes a third version in processes that are killed before each change of a file, then again
# in a process that is not killed. Between the two, a user may change the label in the given ways.
KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
from pipeline.artifacts.stage_facts import ExportFacts
from pipeline.engine.store import Store
from pipeline.publishing.manifest import Description
from pipeline.publishing.candidate import Candidate
from pipeline.publishing.new_version import publish
from pipeline.publishing.published_folder import read_labels, versions_of

smoke, target, user_changes = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
[export] = (smoke / "runs" / "export").iterdir()
output = Store(smoke / "runs").find(ExportFacts, export.name)
known = json.loads((smoke / "exported" / "smoke" / "1" / "manifest.json").read_text())
known = {key: value for key, value in known.items() if key in Description.model_fields}
description = Description.model_validate_json(json.dumps(known))
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}

def add_version(folder, fingerprint, label):
    licensed = description.model_copy(update={"license": fingerprint})  # not the same version
    publish(Candidate(fingerprint, output, licensed), folder, label=label)

def run(folder, fingerprint, label, killed_at=None):
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
        add_version(folder, fingerprint, label)
        os._exit(0)
    return os.waitpid(process, 0)[1] == signal.SIGKILL

def state(folder):
    return {
        "versions": versions_of(folder),
        "stable": read_labels(folder)["stable"],
        "hidden": [path.name for path in folder.iterdir() if path.name[0] == "."],
    }

add_version(target / "template", "a", "stable")  # here, so that each process has the imports
add_version(target / "template", "b", None)
found, killed, number = {change: [] for change in user_changes}, True, 0
while killed:
    number += 1
    shutil.copytree(target / "template", target / str(number))
    killed = run(target / str(number), "c", "stable", number)
    after_kill = state(target / str(number))
    for change in user_changes:
        folder = target / f"{number} {change}"
        shutil.copytree(target / str(number), folder)
        if change == "moved":
            (folder / "labels.json").write_text('{"stable": 2}')
        if change == "rolled back" and after_kill["stable"] == 3:
            (folder / "labels.json").write_text('{"stable": 1}')
        run(folder, "c", "stable")
        found[change].append((after_kill, state(folder)))
print(json.dumps(found))
"""
States = list[tuple[dict[str, object], dict[str, object]]]


@pytest.fixture(scope="module")
def killed_and_repeated(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, States]:
    """The states after each kill and after the next publication, by what the user changed."""
    arguments = [smoke, tmp_path_factory.mktemp("killed"), "none", "moved", "rolled back"]
    command_line = [sys.executable, "-c", KILLED, *map(str, arguments)]
    done = subprocess.run(command_line, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, States] = json.loads(done.stdout)
    for states in found.values():
        for _, after in states:
            assert after["versions"] == [1, 2, 3]
            assert after["hidden"] == []
        steps = [(len(before["versions"]), before["stable"]) for before, _ in states]  # type: ignore[arg-type]
        assert {(2, 1), (3, 1), (3, 3)} == set(steps), "killed before, between and after both steps"
    return found


def test_killed_publication_is_completed(killed_and_repeated: dict[str, States]) -> None:
    for _, after in killed_and_repeated["none"]:
        assert after["stable"] == 3


def test_label_moved_since_the_kill_is_left_alone(
    killed_and_repeated: dict[str, States],
) -> None:
    for before, after in killed_and_repeated["moved"]:
        was_published = before["versions"] == [1, 2, 3]
        assert after["stable"] == (2 if was_published else 3)


def test_rollback_since_the_kill_is_left_alone(killed_and_repeated: dict[str, States]) -> None:
    """The label had moved, but the process was killed before it could report this."""
    for before, after in killed_and_repeated["rolled back"]:
        assert after["stable"] == (1 if before["stable"] == 3 else 3)


ANOTHER = "publish.license=MIT"  # another version of the same files


RUNTIMES = "verify.runtimes=[onnxruntime,keras,openvino]"


@pytest.fixture(scope="module")
def with_second(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which a second version was published; read-only."""
    workspace = tmp_path_factory.mktemp("second") / "workspace"
    shutil.copytree(smoke, workspace)
    done = run(workspace)
    folder = workspace / "exported" / "smoke"
    assert (
        f"Published {folder}/2 (version 2). The label stable moved from version 1 to 2. "
        in done.out
    )
    return workspace


@pytest.fixture
def second(with_second: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(with_second, tmp_path / "copy")
    return tmp_path / "copy"


def run(workspace: Path, *options: str) -> Done:
    done = in_process("run", SMOKE, ANOTHER, "-C", workspace, *options)
    assert done.code == 0, done.err
    return done


def set_labels(workspace: Path, labels: dict[str, int]) -> None:
    (workspace / "exported" / "smoke" / "labels.json").write_text(json.dumps(labels))


@pytest.mark.parametrize("lost", ["nothing", "runs/publish"])
def test_rollback_survives_the_next_run(second: Path, lost: str) -> None:
    set_labels(second, {"stable": 1})
    shutil.rmtree(second / lost, ignore_errors=True)
    done = run(second)
    folder = second / "exported" / "smoke"
    assert read_labels(folder) == {"stable": 1}
    assert versions_of(folder) == [1, 2]
    assert (
        f"Up to date: {folder}/2 (version 2) was published by an earlier run. The label stable is "
        "at version 1. To move it: pipeline label smoke stable=2. Next: "
    ) in done.out
    assert "Published" not in done.out


def test_rollback_survives_a_hundred_runs(second: Path) -> None:
    """Of both versions in turn, also where the record of the publication was lost."""
    folder = second / "exported" / "smoke"
    pipeline.rollback("smoke", workspace=second)
    moves = len(pipeline.history("smoke", workspace=second))
    for number in range(100):
        if number % 10 == 0:
            shutil.rmtree(second / "runs" / "publish")
        overrides = [ANOTHER] if number % 2 else []
        pipeline.run(SMOKE, overrides, workspace=second, progress=Silent())
        assert read_labels(folder) == {"stable": 1}
        assert versions_of(folder) == [1, 2]
    assert len(pipeline.history("smoke", workspace=second)) == moves


def test_label_that_does_not_exist_is_set_by_the_next_run(second: Path) -> None:
    done = run(second, "publish.label=canary")
    folder = second / "exported" / "smoke"
    assert read_labels(folder) == {"stable": 2, "canary": 2}
    assert versions_of(folder) == [1, 2]
    assert "has the same files. Its new verification was recorded beside it." in done.out
    assert "The label canary is new, at version 2." in done.out
    set_labels(second, {"canary": 1})
    assert "The label stable is new, at version 2." in run(second).out
    assert read_labels(folder) == {"canary": 1, "stable": 2}


def test_another_verification_of_the_same_files_is_a_record(second: Path) -> None:
    folder = second / "exported" / "smoke"
    before = contents(folder / "2")
    done = run(second, RUNTIMES, "--json")
    published = json.loads(done.out)["published"]
    assert (published["version"], published["status"]) == (2, "verified")
    assert contents(folder / "2") == before
    [path] = (folder / "verifications").iterdir()
    record = json.loads(path.read_text())
    assert (record["version"], path.name) == (2, f"2-{record['fingerprint']}.json")
    assert {check["runtime"] for check in record["verification"]} == {
        "keras",
        "onnxruntime",
        "openvino",
    }
    assert datetime.fromisoformat(record["verified"]).utcoffset() == timedelta(0)
    again = json.loads(run(second, RUNTIMES, "--json").out)
    assert again["published"]["status"] == "up_to_date"
    assert again["stages"][-1]["status"] == "cached"


def test_run_of_an_earlier_version_moves_no_label(second: Path) -> None:
    document = json.loads(in_process("run", SMOKE, "-C", second, "--json").out)
    assert document["published"] == {
        "path": str(second / "exported" / "smoke" / "1"),
        "version": 1,
        "status": "up_to_date",
        "label": "stable",
        "label_before": 2,
        "label_now": 2,
    }


def test_deleted_version_is_published_again_with_another_number(second: Path) -> None:
    shutil.rmtree(second / "exported" / "smoke" / "2")
    set_labels(second, {"stable": 1})
    done = run(second)
    assert "Published" in done.out
    assert "The label stable moved from version 1 to 3." in done.out


def test_forced_publication_moves_the_label(second: Path) -> None:
    set_labels(second, {"stable": 1})
    done = run(second, "--force", "publish")
    assert f"{second}/exported/smoke/3 (version 3)" in done.out
    assert "The label stable moved from version 1 to 3." in done.out


def test_next_run_completes_a_publication_and_says_so(second: Path) -> None:
    """As if the run had been killed between the version and its label."""
    folder = second / "exported" / "smoke"
    fingerprint = json.loads((folder / "2" / "manifest.json").read_text())["fingerprint"]
    (folder / f".pending-2-1-{fingerprint}.json").write_text('{"stable": 2}')
    set_labels(second, {"stable": 1, "canary": 1})
    done = run(second)
    shown = f"Completed an interrupted publication: {folder}/2 (version 2) is now labeled stable."
    assert shown in done.out
    assert read_labels(folder) == {"stable": 2, "canary": 1}
    assert "(version 2) was published by an earlier run. Next: " in run(second).out
