"""Files that a user has put in a folder, compared with the pinned ones."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from pipeline.data.fetching import RemoteFile
from pipeline.data.unpacked import has_content, pack, unpacked
from pipeline.errors import DataFileError
from pipeline.system.atomic import explain_storage_errors, sha256


def checked_files(
    data_set: str, folder: Path, files: Mapping[str, RemoteFile], scratch: Path
) -> Path:
    """Return the folder with the files of a data set: this one, or ``scratch`` with copies.

    A file may be compressed in another way, or unpacked, if the content of the pinned one is known.

    Raises:
        DataFileError: a file is missing, or has another content.
    """
    found = {name: _find(folder, name) for name in files}
    for name, path in found.items():
        if path is None:
            raise DataFileError(
                f"The manual folder {folder} must contain {', '.join(files)}; {name} is missing. "
                f"Download it from {files[name].address} into this folder, and run again."
            )
    paths = {name: path for name, path in found.items() if path is not None}
    differing = [name for name, path in paths.items() if sha256(path) != files[name].sha256]
    for name in differing:
        _require_content(data_set, name, paths[name], files[name])
    if not differing:
        return folder
    with explain_storage_errors(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            if name in differing:
                pack(path, scratch / name)
            else:
                shutil.copyfile(path, scratch / name)
    return scratch


def _find(folder: Path, name: str) -> Path | None:
    """Return a file, or the unpacked file of the same name."""
    candidates = (folder / name, folder / name.removesuffix(".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _require_content(data_set: str, name: str, path: Path, file: RemoteFile) -> None:
    content = unpacked(data_set, name)
    if content is not None and has_content(path, content):
        return
    known = f", or the same content, with SHA-256 {content.sha256}" if content else ""
    raise DataFileError(
        f"{path} must have SHA-256 {file.sha256} ({file.bytes:,} bytes){known}; got "
        f"{sha256(path)} ({path.stat().st_size:,} bytes): it is truncated, altered or another "
        f"file. It was not removed. Replace it with the original (from {file.address}) and run "
        "again."
    )
