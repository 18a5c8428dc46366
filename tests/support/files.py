"""Copies and listings of folders."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.support.paths import PROJECT


def copy_package(target: Path) -> Path:
    """Copy the package; what other processes compile meanwhile comes and goes."""
    return shutil.copytree(
        PROJECT / "pipeline", target, ignore=shutil.ignore_patterns("__pycache__")
    )


def contents(folder: Path) -> Sequence[str]:
    """Everything below a folder, hidden things included."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
