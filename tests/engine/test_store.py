"""Atomic outputs despite kills, full disks, missing permissions and concurrent processes."""

import errno
import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.data_set import write_array
from pipeline.artifacts.files import FileDescription
from pipeline.artifacts.stage_facts import PublishFacts
from pipeline.engine.store import Ingredients, Store
from pipeline.errors import AccuracyTooLow, StorageError
from pipeline.system.atomic import (
    FolderExists,
    explain_storage_errors,
    locked,
    new_folder,
    write_file,
)
from tests.support.files import contents

SLOW_WRITER = """
import sys, time
from pathlib import Path
from pipeline.artifacts.stage_facts import PublishFacts
from pipeline.engine.store import Ingredients, Store
with Store(Path(sys.argv[1])).write(PublishFacts, "abc", Ingredients("publish")) as writing:
    writing.facts = PublishFacts("model", 1)
    for number in range(int(sys.argv[2])):
        (writing.folder / f"{number}.bin").write_bytes(b"x" * 1000)
        if number == 0:
            print("writing", flush=True)
        time.sleep(0.002)
    sys.stdin.read()
"""

FACTS = PublishFacts("model", 42)
INGREDIENTS = Ingredients("publish")


def test_output_is_found_only_when_complete(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.write(PublishFacts, "abc", INGREDIENTS) as writing:
        (writing.folder / "a.txt").write_text("hello")
        writing.facts = FACTS
        assert store.find(PublishFacts, "abc") is None
    found = store.find(PublishFacts, "abc")
    assert found is not None
    assert found.facts == FACTS
    sha = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert found.outputs == {"a.txt": FileDescription(5, sha)}
    assert contents(tmp_path) == [
        "publish",
        "publish/abc",
        "publish/abc/a.txt",
        "publish/abc/manifest.json",
    ]


def test_failure_leaves_no_files(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        Store(tmp_path).write(PublishFacts, "abc", INGREDIENTS) as writing,
    ):
        (writing.folder / "a.txt").write_text(str(1 / 0))
    assert contents(tmp_path) == ["publish"]


@pytest.mark.parametrize(
    "damage", ["missing", "shorter", "manifest", "{}", '{"outputs": []}', "[" * 100_000]
)
def test_damaged_output_is_not_found(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    with store.write(PublishFacts, "abc", INGREDIENTS) as writing:
        writing.facts = FACTS
        (writing.folder / "a.txt").write_text("hello")
    folder = store.folder("publish", "abc")
    if damage == "missing":
        (folder / "a.txt").unlink()
    elif damage == "shorter":
        (folder / "a.txt").write_text("hell")
    else:
        (folder / "manifest.json").write_text('{"outputs": ' if damage == "manifest" else damage)
    assert store.find(PublishFacts, "abc") is None
    with store.write(PublishFacts, "abc", INGREDIENTS) as writing:
        writing.facts = FACTS
        (writing.folder / "a.txt").write_text("again")
    assert store.find(PublishFacts, "abc") is not None


@pytest.mark.parametrize("facts", [{"summary": "of an older version"}, "none", []])
def test_files_are_found_despite_invalid_facts(tmp_path: Path, facts: object) -> None:
    store = Store(tmp_path)
    with store.write(PublishFacts, "abc", INGREDIENTS) as writing:
        (writing.folder / "a.txt").write_text("hello")
        writing.facts = FACTS
    manifest = store.folder("publish", "abc") / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "facts": facts}))
    assert store.find(PublishFacts, "abc") is None
    found = store.find_files("publish", "abc")
    assert found is not None
    assert found.is_unaltered()
    (found.path / "a.txt").write_text("hallo")
    assert not found.is_unaltered()


def slow_writer(store: Path, *, files: int) -> subprocess.Popen[str]:
    """Start a process that writes an output, two milliseconds per file, until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER, str(store), str(files)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def end_of(process: subprocess.Popen[str]) -> int:
    """Close its input, wait, and return its exit code."""
    process.communicate()
    return process.returncode


@pytest.mark.process
def test_killed_writer_leaves_no_complete_output(tmp_path: Path) -> None:
    for delay in (0.05, 0.2, 0.4):
        process = slow_writer(tmp_path, files=100_000)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        end_of(process)
        assert Store(tmp_path).find(PublishFacts, "abc") is None
        assert [p.name[:5] for p in (tmp_path / "publish").iterdir()] == [".tmp-"]
    assert end_of(slow_writer(tmp_path, files=10)) == 0
    assert Store(tmp_path).find(PublishFacts, "abc") is not None
    assert [p.name for p in (tmp_path / "publish").iterdir()] == ["abc"]  # leftovers are removed


@pytest.mark.process
def test_files_of_a_running_process_are_not_removed(tmp_path: Path) -> None:
    process = slow_writer(tmp_path, files=10)
    with Store(tmp_path).write(PublishFacts, "other", INGREDIENTS) as writing:
        writing.facts = FACTS
    assert end_of(process) == 0
    assert Store(tmp_path).find(PublishFacts, "abc") is not None


def test_existing_folder_is_replaced_only_on_request(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a") as folder:
        (folder / "first").touch()
    with pytest.raises(FolderExists), new_folder(tmp_path / "a") as folder:
        (folder / "second").touch()
    assert contents(tmp_path) == ["a", "a/first"]
    with new_folder(tmp_path / "a", replace=True) as folder:
        (folder / "second").touch()
    assert contents(tmp_path) == ["a", "a/second"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.process
def test_full_disk_is_reported_and_leaves_no_files(tiny_disk: Path) -> None:
    chunks = (np.zeros((1000, 1000), np.uint8) for _ in range(5))
    with (
        pytest.raises(StorageError, match=r"no space left on the device.*--workspace"),
        Store(tiny_disk).write(PublishFacts, "abc", INGREDIENTS) as writing,
    ):
        write_array(writing.folder / "a.npy", chunks, (5000, 1000), np.uint8)
    assert contents(tiny_disk) == ["publish"]


@pytest.mark.process
def test_library_error_on_a_full_disk_is_recognized(tiny_disk: Path) -> None:
    """TensorFlow and h5py raise their own exception classes."""
    with (
        pytest.raises(StorageError, match="no space left on the device"),
        new_folder(tiny_disk / "a") as folder,
    ):
        with (folder / "filler").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096) == 4096 and shutil.disk_usage(tiny_disk).free:
                pass
        raise RuntimeError("Unable to synchronously flush file")
    assert contents(tiny_disk) == []


def test_file_size_limit_is_reported(tmp_path: Path) -> None:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, old[1]))
    try:
        with (
            pytest.raises(StorageError, match="would exceed the system's size limit"),
            new_folder(tmp_path / "a") as folder,
        ):
            (folder / "large").write_bytes(b"x" * 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert contents(tmp_path) == []


def test_file_is_replaced_atomically(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    write_file(path, b"old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, old[1]))
    try:
        with pytest.raises(StorageError):
            write_file(path, b"longer")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert path.read_bytes() == b"new"
    assert contents(tmp_path) == ["labels.json"]


def test_another_error_on_a_full_disk_is_not_reported_as_a_lack_of_space() -> None:
    with pytest.raises(FileNotFoundError), explain_storage_errors(Path("/proc/runs")):
        Path("/proc/runs").mkdir()  # /proc has no free space


def test_library_error_on_a_disk_without_a_size_is_passed_on() -> None:
    with pytest.raises(RuntimeError), explain_storage_errors(Path("/proc/runs")):
        raise RuntimeError("not due to storage")


def test_file_in_place_of_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with (
        pytest.raises(StorageError, match="part of the path is a file"),
        Store(tmp_path / "runs").write(PublishFacts, "abc", INGREDIENTS),
    ):
        pass


def test_other_errors_are_not_changed(tmp_path: Path) -> None:
    error = OSError(errno.EIO, "I/O error")
    with pytest.raises(OSError, match="I/O error") as caught, new_folder(tmp_path / "a"):
        raise error
    assert caught.value is error


def test_manifest_is_json_with_the_ingredients(tmp_path: Path) -> None:
    with Store(tmp_path).write(
        PublishFacts, "abc", Ingredients("publish", config={"a": 1})
    ) as writing:
        writing.facts = FACTS
    manifest = json.loads((tmp_path / "publish" / "abc" / "manifest.json").read_text())
    assert manifest["ingredients"]["config"] == {"a": 1}
    assert manifest["seconds"] >= 0


@pytest.mark.process
def test_gate_error_on_a_full_disk_is_not_replaced(tiny_disk: Path) -> None:
    with pytest.raises(AccuracyTooLow), new_folder(tiny_disk / "a") as folder:
        with (folder / "filler").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096) == 4096 and shutil.disk_usage(tiny_disk).free:
                pass
        raise AccuracyTooLow


def test_too_long_name_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="the name is too long"),
        new_folder(tmp_path / ("x" * 300)),
    ):
        pass


@pytest.mark.process
def test_lock_is_awaited_and_can_be_shared(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.system.atomic import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    let_go = process.stdin.close
    waits = 0

    def on_wait() -> None:
        nonlocal waits
        waits += 1
        let_go()

    with (
        locked(tmp_path, shared=True, on_wait=on_wait),
        locked(tmp_path, shared=True, on_wait=lambda: pytest.fail("it is shared")),
    ):
        assert waits == 1
        assert process.wait() == 0
    process.stdout.close()
