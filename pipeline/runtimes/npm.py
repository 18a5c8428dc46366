"""The npm packages of the JavaScript runtimes; ``python -m pipeline.runtimes.npm`` installs them.

They are installed in a folder of the user, since site-packages may be read-only. The folder is
named by the hash of the lock, so each version of the lock has its own; it is created atomically.
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
NODE = ("node", "nodejs")  # possible names of the program
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_LOCK = "package-lock.json"


def scripts() -> list[Path]:
    """Return the source files of the JavaScript runtimes."""
    return sorted([*SCRIPTS.glob("*.mjs"), *SCRIPTS.glob("*.html")])


def packages_root() -> Path:
    """Return the folder for the packages of all locks: the user's choice, or XDG's."""
    if named := os.environ.get(ROOT_VARIABLE):
        return Path(named).expanduser().absolute()
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    # The XDG Base Directory Specification says to ignore relative paths.
    base = data if data.is_absolute() else Path.home() / ".local" / "share"
    return base / "dense-pipeline" / "js"


def packages_folder() -> Path:
    """Return the folder of this lock, which contains ``node_modules``."""
    return packages_root() / sha256(SCRIPTS / _LOCK)[:8]


@dataclass(frozen=True)
class NpmPackage(Package):
    """Packages of the lock, with the programs that they need."""

    names: tuple[str, ...]
    programs: tuple[tuple[str, ...], ...]  # for each, its possible names

    command = (
        "python -m pipeline.runtimes.npm (in a clone: make javascript); requires Node.js, and "
        "Chromium for the browser"
    )

    @property
    def version(self) -> str | None:
        """The version of the first package, if all packages and programs are installed."""
        modules = packages_folder() / "node_modules"
        files = [modules / name / "package.json" for name in self.names]
        if not all(file.is_file() for file in files):
            return None
        if not all(map(find_program, self.programs)):
            return None
        return str(json.loads(files[0].read_text())["version"])

    def load(self) -> None:
        """Do nothing: the packages are loaded in another process."""


def install() -> Path:
    """Install the packages of the lock if missing; install scripts are not run.

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
        raise MissingPackages(
            f"Installing npm packages into {folder}",
            "apt-get install nodejs npm (on other systems: Node.js with npm)",
        )
    with suppress(FolderExists), new_folder(folder, setting=ROOT_VARIABLE) as aside:
        for name in ("package.json", _LOCK, ".npmrc"):
            shutil.copyfile(SCRIPTS / name, aside / name)
        done = subprocess.run([npm, "ci", "--ignore-scripts"], cwd=aside, check=False)  # noqa: S603
        if done.returncode:
            raise MachineError(
                f"npm ci failed with exit code {done.returncode}; nothing was installed into "
                f"{folder}. Fix the problem that npm reported above, and run this command again."
            )
    return folder


if __name__ == "__main__":
    try:
        print(f"The packages of the JavaScript runtimes are in {install()}")
    except PipelineError as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.exit_code)
