"""Manual files compared by their unpacked content: recompressed, or as torchvision leaves them."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.data_set import read_data
from pipeline.config import read
from pipeline.data.fetching import RemoteFile
from pipeline.data.manual_files import checked_files
from pipeline.data.unpacked import unpacked
from pipeline.engine.workspace import Workspace
from pipeline.errors import DataFileError
from pipeline.progress import Silent
from pipeline.stages import run_stages
from pipeline.system.atomic import sha256
from tests.conftest import FullMnist
from tests.support.paths import SMOKE

NAME = "t10k-labels-idx1-ubyte.gz"


def check(manual: Path, original: Path, scratch: Path) -> Path:
    """Check the folder ``manual`` with one file, pinned as the one of MNIST."""
    path = original / NAME
    pinned = {NAME: RemoteFile("http://host/x.gz", path.stat().st_size, sha256(path))}
    return checked_files("mnist", manual, pinned, scratch)


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    folder = tmp_path / "manual"
    folder.mkdir()
    return folder


@pytest.fixture
def labels(mnist_dir: Path) -> bytes:
    return gzip.decompress((mnist_dir / NAME).read_bytes())


def test_original_is_used_where_it_is(mnist_dir: Path, manual: Path, tmp_path: Path) -> None:
    shutil.copy(mnist_dir / NAME, manual)
    assert check(manual, mnist_dir, tmp_path / "scratch") == manual
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("form", ["recompressed", "unpacked"])
def test_same_content_is_accepted(
    mnist_dir: Path, labels: bytes, manual: Path, tmp_path: Path, form: str
) -> None:
    if form == "unpacked":
        (manual / NAME.removesuffix(".gz")).write_bytes(labels)
    else:
        (manual / NAME).write_bytes(gzip.compress(labels, 1))
    found = check(manual, mnist_dir, tmp_path / "scratch")
    assert found == tmp_path / "scratch"
    assert gzip.decompress((found / NAME).read_bytes()) == labels


@pytest.mark.parametrize("change", ["altered", "cut", "longer", "endless", "not gzip"])
def test_other_content_is_named(
    mnist_dir: Path, labels: bytes, manual: Path, tmp_path: Path, change: str
) -> None:
    packed = gzip.compress(labels, 1)
    body = {
        "altered": gzip.compress(b"\1" + labels[1:]),
        "cut": packed[:-20],
        "longer": gzip.compress(labels + b"\0"),
        "endless": gzip.compress(bytes(10**8)),
        "not gzip": labels,
    }[change]
    (manual / NAME).write_bytes(body)
    with pytest.raises(DataFileError) as caught:
        check(manual, mnist_dir, tmp_path / "scratch")
    content = unpacked("mnist", NAME)
    assert content is not None
    assert f"or the same content, with SHA-256 {content.sha256}; got " in str(caught.value)
    assert sha256(manual / NAME) in str(caught.value)
    assert (manual / NAME).read_bytes() == body


def test_missing_file_is_named(mnist_dir: Path, manual: Path, tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=rf"must contain {NAME}; {NAME} is missing. Download"):
        check(manual, mnist_dir, tmp_path / "scratch")


def test_content_of_other_sets_is_unknown() -> None:
    assert unpacked("kmnist", NAME) is None
    assert unpacked("mnist:3.0.1", NAME) == unpacked("mnist", NAME)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_unpacked_files_give_the_same_data_set(
    full_mnist: FullMnist, mnist_dir: Path, manual: Path, tmp_path: Path
) -> None:
    for path in mnist_dir.glob("*.gz"):
        (manual / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    given = [f"data.manual_dir={manual}", f"data.tfds_dir={tmp_path / 'tfds'}"]
    config = read(SMOKE, given)
    [result] = run_stages(config, Workspace(tmp_path), Silent(), until="data")
    ours, theirs = read_data(result.output.path), read_data(full_mnist.data)
    np.testing.assert_array_equal(ours.test.images, theirs.test.images)
    assert not (tmp_path / "runs" / "downloads" / "mnist").exists()
