"""Scratch folders of processes that were killed are removed; those in use are not."""

import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.system.scratch import PREFIX, remove_abandoned_scratch, scratch_folder
from tests.support.paths import PROJECT

HOLD = (
    "import sys\n"
    "from pipeline.system.scratch import scratch_folder\n"
    "with scratch_folder() as folder:\n"
    "    (folder / 'large.npy').write_bytes(bytes(1000))\n"
    "    print(folder, flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_folder_is_removed_at_the_end(tmp_path: Path) -> None:
    with scratch_folder() as first, scratch_folder() as second:
        assert first.parent == tmp_path
        (first / "file").touch()
        remove_abandoned_scratch()
        assert (first / "file").is_file()
        assert second.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_folder_in_a_given_parent(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    (parent / f"{PREFIX}abandoned").mkdir(parents=True)
    with scratch_folder(parent) as folder:
        assert list(parent.iterdir()) == [folder]
    assert list(parent.iterdir()) == []


def test_other_folders_and_links_are_kept(tmp_path: Path) -> None:
    """Not even a link with such a name leads to a removal elsewhere."""
    kept = tmp_path / "elsewhere"
    (kept / "inside").mkdir(parents=True)
    (tmp_path / "pipeline-of-an-older-release").mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(kept)
    (tmp_path / f"{PREFIX}file").touch()
    remove_abandoned_scratch()
    assert {path.name for path in tmp_path.iterdir()} == {
        "elsewhere", "pipeline-of-an-older-release", f"{PREFIX}link", f"{PREFIX}file"
    }  # fmt: skip
    assert (kept / "inside").is_dir()


@pytest.mark.process
def test_folder_of_a_killed_process_is_removed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        with scratch_folder():
            assert (folder / "large.npy").is_file(), "its process is running"
        process.kill()
        process.wait()
    assert folder.is_dir()
    with scratch_folder():
        assert not folder.exists()


@pytest.mark.parametrize("moment", ["before it is opened", "before it is locked"])
def test_folder_that_another_process_sweeps_is_made_again(
    monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    made: list[str] = []
    new_folder, lock = tempfile.mkdtemp, fcntl.flock

    def make(**options: str) -> str:
        made.append(new_folder(**options))
        if moment == "before it is opened" and len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    def lock_swept(descriptor: int, how: int) -> None:
        if moment == "before it is locked" and len(made) == 1:
            Path(made[0]).rmdir()
        lock(descriptor, how)

    monkeypatch.setattr(tempfile, "mkdtemp", make)
    monkeypatch.setattr(fcntl, "flock", lock_swept)
    with scratch_folder() as folder:
        assert str(folder) == made[1]
        assert folder.is_dir()
