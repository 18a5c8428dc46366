"""Folders that a server must refuse without harm: each function makes one of them."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

from pipeline.publishing.published_folder import LABELS, MANIFEST

_TERABYTE = 2**40
_LARGE_BYTES = 300 * 2**20
_MANY = 3000


def _fifo_manifest(version: Path) -> None:
    (version / MANIFEST).unlink()
    os.mkfifo(version / MANIFEST)


def _fifo_model(version: Path) -> None:
    (version / "model.onnx").unlink()
    os.mkfifo(version / "model.onnx")


def _fifo_labels(version: Path) -> None:
    (version.parent / LABELS).unlink(missing_ok=True)
    os.mkfifo(version.parent / LABELS)


def _endless_manifest(version: Path) -> None:
    (version / MANIFEST).unlink()
    (version / MANIFEST).symlink_to("/dev/zero")


def _endless_model(version: Path) -> None:
    (version / "model.onnx").unlink()
    (version / "model.onnx").symlink_to("/dev/zero")


def _sparse_terabyte(version: Path) -> None:
    """A file of 1 TB that takes no space, listed in the manifest with its size."""
    _truncate(version / "model.onnx", _TERABYTE)
    manifest = json.loads((version / MANIFEST).read_text())
    manifest["files"]["model.onnx"]["bytes"] = _TERABYTE
    (version / MANIFEST).write_text(json.dumps(manifest))


def _sparse_extra(version: Path) -> None:
    """The same for a file that no format has."""
    _truncate(version / "extra.bin", _TERABYTE)
    manifest = json.loads((version / MANIFEST).read_text())
    manifest["files"]["extra.bin"] = {"bytes": _TERABYTE, "sha256": "0" * 64}
    (version / MANIFEST).write_text(json.dumps(manifest))


def _large_manifest(version: Path) -> None:
    _truncate(version / MANIFEST, _LARGE_BYTES)


def _large_labels(version: Path) -> None:
    (version.parent / LABELS).touch()
    _truncate(version.parent / LABELS, _LARGE_BYTES)


def _folder_as_manifest(version: Path) -> None:
    (version / MANIFEST).unlink()
    (version / MANIFEST).mkdir()


def _socket_as_model(version: Path) -> None:
    (version / "model.onnx").unlink()
    current = Path.cwd()
    with socket.socket(socket.AF_UNIX) as sock:
        os.chdir(version)  # since the paths of sockets are short
        sock.bind("model.onnx")
        os.chdir(current)


def _link_loop(version: Path) -> None:
    (version / "a").symlink_to("b")
    (version / "b").symlink_to("a")
    (version / MANIFEST).unlink()
    (version / MANIFEST).symlink_to("../1/a")


def _link_to_a_tree(version: Path) -> None:
    """A version that is a link to a folder with many files."""
    (version.parent / "9").symlink_to("/usr/lib")


def _many_versions(version: Path) -> None:
    for number in range(100, 100 + _MANY):
        (version.parent / str(number)).mkdir()


def _many_files(version: Path) -> None:
    for number in range(_MANY):
        (version / f"file-{number}").touch()


def _deep(version: Path) -> None:
    inner = version / Path(*["d"] * 400)
    inner.mkdir(parents=True)


def _not_utf8(version: Path) -> None:
    os.mkdir(os.fsencode(version) + b"/\xff\xfe")  # noqa: PTH102  (pathlib has no bytes)
    os.mkdir(os.fsencode(version.parent) + b"/\xff")  # noqa: PTH102


def _long_number(version: Path) -> None:
    (version.parent / ("9" * 200)).mkdir()


def _nested_manifest(version: Path) -> None:
    (version / MANIFEST).write_text("[" * 1_000_000)


def _empty_model(version: Path) -> None:
    (version / "model.onnx").write_bytes(b"")


def _no_files(version: Path) -> None:
    for path in version.iterdir():
        if path.is_file():
            path.unlink()


def _labels_to_nowhere(version: Path) -> None:
    (version.parent / LABELS).write_text('{"stable": 999999999, "old": 0}')


def _invalid_labels(version: Path) -> None:
    (version.parent / LABELS).write_bytes(b'{"stable": 1, "stable": 2}\xff')


def _truncate(path: Path, size: int) -> None:
    with path.open("ab") as file:
        file.truncate(size)


# Each is given a sound version, 1, of a model of its own.
BAD: dict[str, Callable[[Path], None]] = {
    function.__name__.lstrip("_").replace("_", " "): function
    for function in (
        _fifo_manifest, _fifo_model, _fifo_labels, _endless_manifest, _endless_model,
        _sparse_terabyte, _sparse_extra, _large_manifest, _large_labels, _folder_as_manifest,
        _socket_as_model, _link_loop, _link_to_a_tree, _many_versions, _many_files, _deep,
        _not_utf8, _long_number, _nested_manifest, _empty_model, _no_files, _labels_to_nowhere,
        _invalid_labels,
    )
}  # fmt: skip
