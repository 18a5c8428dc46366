"""Only regular files are read, and no more of them than expected."""

import os
import socket
from pathlib import Path

import pytest

from pipeline.artifacts.files import FileDescription, alteration
from pipeline.system.atomic import sha256
from pipeline.system.regular_files import FileTooLarge, NotRegularFile, open_regular, read_regular


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def link_to_fifo(path: Path) -> None:
    os.mkfifo(path.with_name("fifo"))
    path.symlink_to("fifo")


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


OTHER_KINDS = pytest.mark.parametrize(
    ("make", "kind"),
    [
        (make_fifo, "a named pipe"),
        (link_to_fifo, "a named pipe"),
        (link_to_device, "a device"),
        (Path.mkdir, "a folder"),
    ],
)


@OTHER_KINDS
@pytest.mark.parametrize("read", [open_regular, lambda path: read_regular(path, 10), sha256])
def test_other_kinds_of_files_are_refused(
    tmp_path: Path, make: object, kind: str, read: object
) -> None:
    path = tmp_path / "file"
    make(path)  # type: ignore[operator]
    with pytest.raises(NotRegularFile, match=f"it must be a regular file; got {kind}: .*/file"):
        read(path)  # type: ignore[operator]


@OTHER_KINDS
def test_listed_file_of_another_kind_is_an_alteration(
    tmp_path: Path, make: object, kind: str
) -> None:
    make(tmp_path / "file")  # type: ignore[operator]
    found = alteration(tmp_path, "file", FileDescription(0, "0" * 64))
    assert found == f"file cannot be read: it must be a regular file; got {kind}"


def test_socket_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may have 107 characters
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("file")
        with pytest.raises(OSError, match="No such device or address"):
            open_regular(tmp_path / "file")


def test_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, 2**40)
    with pytest.raises(
        FileTooLarge, match=r"it must have at most 10 bytes; got 1,099,511,627,776: .*/file"
    ):
        read_regular(path, 10)
    found = alteration(tmp_path, "file", FileDescription(10, "0" * 64))
    assert found == "file has 1099511627776 bytes instead of 10"


def test_no_more_is_read_than_the_size(tmp_path: Path) -> None:
    """Files in /proc have content, but no size; some of them never end."""
    assert read_regular(Path("/proc/self/status"), 10) == b""
    path = tmp_path / "file"
    path.write_bytes(b"1234567890")
    assert read_regular(path, 10) == b"1234567890"
    assert alteration(tmp_path, "file", FileDescription(10, sha256(path))) is None
