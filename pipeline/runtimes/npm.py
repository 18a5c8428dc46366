"""The npm packages of the JavaScript runtimes; ``python -m pipeline.runtimes.npm`` installs them.

They lie in a folder of the user's, since that of an installed package may be read-only. Its name
is the hash of the lock, so another version of this package has another folder; it appears whole.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import MachineError, MissingPackages, PipelineError
from pipeline.runtimes.packages import Package, find_program
from pipeline.system.atomic import FolderExists, new_folder, sha256

SCRIPTS = Path(__file__).parent / "js"
ROOT_VARIABLE = "PIPELINE_JS_DIR"
NODE = ("node", "nodejs")  # the names that a program may have
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_LOCK = "package-lock.json"


def scripts() -> list[Path]:
    """Return the files that the JavaScript runtimes run."""
    return sorted([*SCRIPTS.glob("*.mjs"), *SCRIPTS.glob("*.html")])


def packages_root() -> Path:
    """Return the folder with the packages of every lock: the user's choice, or XDG's."""
    if named := os.environ.get(ROOT_VARIABLE):
        return Path(named).expanduser().absolute()
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    # The XDG Base Directory Specification says to ignore a relative one.
    base = data if data.is_absolute() else Path.home() / ".local" / "share"
    return base / "dense-pipeline" / "js"


def packages_folder() -> Path:
    """Return the folder with the packages of this lock; ``node_modules`` is inside."""
    return packages_root() / sha256(SCRIPTS / _LOCK)[:8]


@dataclass(frozen=True)
class NpmPackage(Package):
    """Packages of the lock, and the programs that they need."""

    names: tuple[str, ...]
    programs: tuple[tuple[str, ...], ...]  # of each, the names it may have

    command = (
        "python -m pipeline.runtimes.npm (in a clone: make javascript; needs Node.js, and Chromium "
        "for the browser)"
    )

    @property
    def version(self) -> str | None:
        """The version of the first package, where all packages and programs are there."""
        modules = packages_folder() / "node_modules"
        files = [modules / name / "package.json" for name in self.names]
        if not all(file.is_file() for file in files):
            return None
        if not all(map(find_program, self.programs)):
            return None
        return str(json.loads(files[0].read_text())["version"])

    def load(self) -> None:
        """Do nothing: a process of its own imports it."""


def install() -> Path:
    """Install what the lock pins, unless it is there; no script of a package is run.

    Raises:
        MissingPackages: npm is not installed.
        MachineError: npm could not install them.
        StorageError: the folder cannot be written.
    """
    folder = packages_folder()
    if folder.is_dir():
        return folder
    npm = find_program(("npm",))
    if npm is None:
        raise MissingPackages(f"Filling {folder}", "apt-get install nodejs npm")
    with suppress(FolderExists), new_folder(folder, setting=ROOT_VARIABLE) as aside:
        for name in ("package.json", _LOCK, ".npmrc"):
            shutil.copyfile(SCRIPTS / name, aside / name)
        done = subprocess.run([npm, "ci", "--ignore-scripts"], cwd=aside, check=False)  # noqa: S603
        if done.returncode:
            raise MachineError(
                f"npm ci must end with code 0 to fill {folder}; got {done.returncode}, and nothing "
                "was kept. What npm printed says why; run it again once that is repaired."
            )
    return folder


if __name__ == "__main__":
    try:
        print(f"The packages of the JavaScript runtimes are in {install()}")
    except PipelineError as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.exit_code)
