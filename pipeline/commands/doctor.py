"""``pipeline doctor``: check installed packages, runtimes and access to data, with advice."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.data_schema import FOLDER, Data
from pipeline.data import sources
from pipeline.data.fetching import find_hosts
from pipeline.engine.workspace import Workspace
from pipeline.errors import PipelineError, install_command
from pipeline.progress import Progress
from pipeline.runtimes.npm import NpmPackage, packages_folder
from pipeline.runtimes.registry import all_runtimes
from pipeline.system.packages import installed_version
from pipeline.system.resources import num_processors

_TRAIN = (
    "tensorflow",
    "keras",
    "tensorflow-datasets",
    "onnx",
    "tf2onnx",
    "scikit-learn",
    "mlxtend",
)


@dataclass(frozen=True)
class Finding:
    """The result of one check; ``advice`` says what to do if it is not fine."""

    subject: str
    fine: bool
    found: str
    advice: str = ""


def diagnose(data: Data, workspace: Workspace, progress: Progress) -> list[Finding]:
    """Check everything that a run needs, without installing or downloading anything."""
    return [
        Finding("python", True, platform.python_version()),
        Finding("processors", True, f"{num_processors()} usable"),
        *map(_package, _TRAIN),
        *_runtimes(),
        _npm_packages(),
        _writable(workspace.root),
        _data(data, progress),
    ]


def _package(name: str) -> Finding:
    if version := installed_version(name):
        return Finding(name, True, version)
    return Finding(name, False, "not installed", f"To train and export: {install_command('train')}")


def _runtimes() -> list[Finding]:
    return [
        Finding(
            f"runtime {runtime.name}",
            runtime.installed,
            f"{runtime.package.version}, opens {', '.join(runtime.formats)}"
            if runtime.installed
            else "not installed",
            "" if runtime.installed else runtime.package.command,
        )
        for runtime in all_runtimes().values()
    ]


def _npm_packages() -> Finding:
    folder = packages_folder()
    if folder.is_dir():
        return Finding("npm packages", True, f"in {folder}")
    return Finding("npm packages", False, f"not installed in {folder}", NpmPackage.command)


def _writable(root: Path) -> Finding:
    fine = os.access(root, os.W_OK)
    advice = "" if fine else "Choose another folder with --workspace."
    found = "writable" if fine else "not writable"
    return Finding(f"folder {root.resolve()}", fine, found, advice)


def _data(data: Data, progress: Progress) -> Finding:
    subject = f"data set {data.name}"
    ways = (
        f"Put its files in a folder and set {sources.MANUAL_DIR_VARIABLE} to that folder, or add a "
        "mirror to data.mirrors; until then, runs use the sample of 5,000 digits."
    )
    if data.name == FOLDER:
        ways = "Correct the folder or its files; docs/data.md shows how to arrange the pictures."
    try:
        local = sources.local_source(data, progress)
        if local is not None:
            return Finding(subject, True, local.origin)
        hosts = find_hosts(sources.pinned(data), sources.mirrors(data), progress)
    except PipelineError as error:
        return Finding(subject, False, str(error), ways)
    return Finding(subject, True, f"can be downloaded from {hosts[0]}")
