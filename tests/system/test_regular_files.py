"""Only regular files are opened, and nothing is waited for."""

import os
import socket
from pathlib import Path

import pytest

from pipeline.system.regular_files import open_regular


def test_regular_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"


@pytest.mark.timeout(60, func_only=True)
def test_others_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a pipe")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a device").symlink_to("/dev/zero")
    for kind in ("a pipe", "a folder", "a device"):
        with pytest.raises(OSError, match=f"it must be a regular file; got {kind}"):
            open_regular(tmp_path / kind)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        with pytest.raises(OSError, match="No such device or address"):
            open_regular(tmp_path / "s")
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")
