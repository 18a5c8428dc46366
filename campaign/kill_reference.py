"""An uninterrupted run, and the comparison of another run with it, bit for bit."""

import hashlib
import json
import os
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from campaign.models import ALL_FORMATS
from tests.support.command_line import run_smoke
from tests.support.paths import SMOKE

STAGES = ("data", "train", "evaluate", "export", "verify", "report", "publish")
# A training of about 20 seconds, so that checkpoints are written, with every kind of state.
OVERRIDES = (
    "train.epochs=80",
    "train.batch_size=16",
    "train.early_stopping={patience: 70}",
    "model.dropout=0.2",
    "optimizer={name: adam, learning_rate: 0.001, schedule: {name: cosine}}",
    *ALL_FORMATS,
)
# Times and costs are in the first ones. TensorFlow numbers the functions in a SavedModel by what
# its process did before, and adds a random number; its weights, in other files, are compared. The
# bill of materials has the SHA-256 of these files.
_NOT_COMPARED = {
    "manifest.json",
    "history.jsonl",
    "costs.json",
    "README.md",
    "report.html",
    "sbom.cdx.json",
    "libraries.log",
    "saved_model.pb",
    "fingerprint.pb",
}
_EVENTS = "events.out.tfevents."  # with the time of each event
_RECORDS = "records"  # when each run began and ended
_KERAS_WEIGHTS = "model.weights.h5"  # the other members have the date and addresses of objects


@dataclass(frozen=True)
class Reference:
    """An uninterrupted run: its workspace, its overrides, and its seconds by stage."""

    workspace: Path
    overrides: tuple[str, ...]
    seconds: dict[str, float]

    def copy(self, target: Path, stage: str) -> None:
        """Copy the workspace as it was before a stage."""
        kept = STAGES[: STAGES.index(stage)]
        (target / "runs").mkdir(parents=True)
        for name in kept:
            shutil.copytree(self.workspace / "runs" / name, target / "runs" / name)

    def differences(self, workspace: Path) -> list[str]:
        """Return the files of another run that are missing, new or not the same bit for bit."""
        expected, found = contents(self.workspace), contents(workspace)
        names = sorted(expected.keys() | found.keys())
        return [name for name in names if expected.get(name) != found.get(name)]


def command(workspace: Path, overrides: tuple[str, ...]) -> list[str]:
    """Return the command of a run."""
    arguments = ["-m", "pipeline", "run", str(SMOKE), *overrides, "--json"]
    return [sys.executable, *arguments, "--workspace", str(workspace)]


def make_reference(folder: Path, overrides: tuple[str, ...] = OVERRIDES) -> Reference:
    """Run without interruption, once; the seconds are those of that run."""
    workspace, seconds = folder / "uninterrupted", folder / "uninterrupted.json"
    if not seconds.exists():
        shutil.rmtree(workspace, ignore_errors=True)
        done = run_smoke(workspace, *overrides)
        assert done.code == 0, done.err
        stages = json.loads(done.out)["stages"]
        seconds.write_text(json.dumps({stage["name"]: stage["seconds"] for stage in stages}))
    return Reference(workspace, overrides, json.loads(seconds.read_text()))


def contents(workspace: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that is the same in two uninterrupted runs."""
    files = [path for path in workspace.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(workspace)): _digest(path)
        for path in files
        if path.name not in _NOT_COMPARED
        and path.parent.name != _RECORDS
        and not path.name.startswith(_EVENTS)
    }


def _digest(path: Path) -> str:
    if path.suffix != ".keras":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    with zipfile.ZipFile(path) as archive:
        return hashlib.sha256(archive.read(_KERAS_WEIGHTS)).hexdigest()


def temporary_folder(workspace: Path) -> Path:
    """Return the temporary folder of the runs in a workspace: a new one beside it."""
    folder = workspace.with_name(f"{workspace.name}.tmp")
    folder.mkdir(exist_ok=True)
    return folder


def environment(workspace: Path) -> dict[str, str]:
    """Return the environment of a run, with a temporary folder of its own."""
    return {**os.environ, "TMPDIR": str(temporary_folder(workspace))}
