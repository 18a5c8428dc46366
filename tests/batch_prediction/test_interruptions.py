"""Commands and workers that are killed or interrupted in the middle: real processes and signals."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.batch_prediction.parquet_images import sample_images, write_images
from tests.support.command_line import Done, assert_error, in_process
from tests.support.processes import not_ignored, wait_until, wait_until_ended

pytestmark = pytest.mark.process
NUM_IMAGES, PART, HELD_AT = 200, 20, 60


@pytest.fixture(scope="module")
def images(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one row group."""
    file = tmp_path_factory.mktemp("interruptions") / "images.parquet"
    return write_images(file, sample_images(smoke)[:NUM_IMAGES], id=np.arange(NUM_IMAGES))


@pytest.fixture(scope="module")
def undisturbed(smoke: Path, images: Path) -> Path:
    """What a command that was not interrupted writes."""
    out = images.with_name("undisturbed.parquet")
    done = in_process(*arguments(images, out, smoke))
    assert done.code == 0, done.err
    return out


def arguments(images: Path, out: Path, workspace: Path, *more: object) -> list[object]:
    options = ("--keep", "id", "--part-images", PART, "--workers", 2, "-C", workspace)
    return ["predict", "smoke", "--input", images, "--output", out, *options, *more]


@contextmanager
def held(folder: Path, *command: object, images: int = HELD_AT) -> Iterator[subprocess.Popen[str]]:
    """Start a command, and wait until it has predicted so many images."""
    module = "tests.batch_prediction.held_command"
    with not_ignored(signal.SIGINT):
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(folder), str(images), *map(str, command)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    try:
        wait_until(lambda: (folder / "held").exists() or process.poll() is not None, 120)
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


def workers_of(process: subprocess.Popen[str]) -> list[str]:
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


def parts_of(out: Path) -> list[Path]:
    return sorted(out.with_name(f"{out.name}.parts").glob("*.arrow"))


def resume(images: Path, out: Path, workspace: Path, *more: object) -> Done:
    done = in_process(*arguments(images, out, workspace, *more))
    assert done.code == 0, done.err
    return done


def assert_resumed(done: Done, out: Path, num_parts: int, undisturbed: Path) -> None:
    assert f"  {num_parts * PART} of them by a command that was interrupted\n" in done.out
    assert pq.read_table(out).equals(pq.read_table(undisturbed), check_metadata=True)
    assert not parts_of(out)


@pytest.mark.parametrize("held_at", [HELD_AT, NUM_IMAGES])
def test_killed_command_is_resumed(
    smoke: Path, images: Path, undisturbed: Path, tmp_path: Path, held_at: int
) -> None:
    out = tmp_path / "out.parquet"
    with held(tmp_path, *arguments(images, out, smoke), images=held_at) as process:
        workers = workers_of(process)
        assert len(workers) == 2
        second = in_process(*arguments(images, out, smoke, "--force"))
        assert_error(second, 2, f"Another command is writing {out}. Wait until it has finished, or")
        process.kill()
        wait_until_ended(workers)
    complete = len(parts_of(out))
    assert held_at / PART <= complete <= held_at / PART + 1  # the other worker may have one more
    assert not out.exists()
    done = resume(images, out, smoke)
    assert_resumed(done, out, complete, undisturbed)


def test_interrupted_command_is_resumed(
    smoke: Path, images: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    with held(tmp_path, *arguments(images, out, smoke)) as process:
        workers = workers_of(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        wait_until_ended(workers)
    assert process.returncode == 130
    assert err.endswith(
        "Error: Interrupted. Completed work is saved: run the same command again to resume.\n"
    )
    first, *others = parts_of(out)
    first.write_bytes(first.read_bytes()[:-100])  # damaged: predicted again
    (others[0].parent / "mine.txt").touch()
    done = resume(images, out, smoke)
    assert f"  {len(others) * PART} of them by a command that was interrupted\n" in done.out
    assert pq.read_table(out).equals(pq.read_table(undisturbed), check_metadata=True)
    assert [path.name for path in (tmp_path / "out.parquet.parts").iterdir()] == ["mine.txt"]


def test_parts_of_another_input_are_not_used(
    smoke: Path, images: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, mine = tmp_path / "out.parquet", tmp_path / "images.parquet"
    mine.write_bytes(images.read_bytes())
    with held(tmp_path, *arguments(mine, out, smoke)) as process:
        workers = workers_of(process)
        process.kill()
        wait_until_ended(workers)
    before = parts_of(out)
    folder = before[0].parent
    others = sample_images(smoke)[NUM_IMAGES : NUM_IMAGES + 50]
    write_images(mine, others, id=np.arange(50))
    done = in_process(*arguments(mine, out, smoke))
    advice = "Run that command again to complete it, or use --force to discard its parts."
    words = f"{folder} has parts of an interrupted command, but the input {mine} was "
    assert_error(done, 2, words, advice)
    assert parts_of(out) == before
    other = in_process(*arguments(mine, out, smoke, "--keep", "image2"))
    assert_error(other, 2, "has no column 'image2'")  # before the parts are looked at
    done = resume(mine, out, smoke, "--force")
    notice = " ".join(capfd.readouterr().err.split())
    assert f"The parts in {folder} are discarded: the input {mine} was " in notice
    assert "by a command that was interrupted" not in done.out
    assert pq.read_table(out)["id"].to_pylist() == [*range(50)]


def test_killed_worker_is_an_error_that_names_its_part(
    smoke: Path, images: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    with held(tmp_path, *arguments(images, out, smoke, "--workers", 1)) as process:
        [worker] = workers_of(process)
        os.kill(int(worker), signal.SIGKILL)
        _, err = process.communicate("\n", timeout=60)
    assert process.returncode == 3
    assert (
        f"Error: The process that was predicting rows 60 to 79 of {images} was killed by "
        "SIGKILL (the system does this if memory runs out: try fewer --workers). Complete parts "
        "are kept: run the same command again to resume.\n"
    ) in err
    assert not out.exists()
    assert_resumed(resume(images, out, smoke), out, HELD_AT // PART, undisturbed)
