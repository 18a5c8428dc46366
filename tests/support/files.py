"""Copies and listings of folders."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.support.paths import PROJECT


def copy_package(target: Path) -> Path:
    """Copy the package without compiled files, which other processes may be writing."""
    return shutil.copytree(
        PROJECT / "pipeline", target, ignore=shutil.ignore_patterns("__pycache__")
    )


def contents(folder: Path) -> Sequence[str]:
    """Return the relative paths of everything below a folder, including hidden files."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def replace_by_fifo(path: Path) -> Path:
    """Replace a file by a named pipe without a writer."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return path
