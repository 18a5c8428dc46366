"""The part ``files``: damaged copies of model files, published folders and images, each opened.

Every case has its own process, which imports a runtime once and opens each copy in a fork
(``campaign.opening``), since hundreds of imports would take hours.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from campaign.models import smoke_workspace
from campaign.part import Part
from campaign.results import Case, Results, Tally
from pipeline.artifacts.formats import FORMATS
from tests.support.mutations import NATIVE_RUNTIMES
from tests.support.paths import PROJECT

# What is opened -> with what. The last ones are opened in the process of the command itself.
OPENED = {
    **NATIVE_RUNTIMES,
    "folder": "load_model",
    "manifest": "load_model",
    "labels": "load_model",
    "npy": "read_images",
    "png": "read_images",
    "jpeg": "read_images",
    "webp": "read_images",
}
IN_PROCESS = set(OPENED) - set(FORMATS)
CASE_FILES = 100
_CASE_SECONDS = 1800


def run(results: Results, total: int, folder: Path) -> None:
    """Open ``total`` damaged files, as many of each kind; the seed is the number of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    each = -(-total // len(OPENED))
    size = min(each, CASE_FILES)
    names = [f"{kind} {first}" for first in range(0, each, size) for kind in OPENED]
    if results.pending(names):
        published = smoke_workspace(folder) / "exported" / "smoke"
        results.run(names, lambda name: open_damaged(name, size, published, folder))


def open_damaged(name: str, count: int, published: Path, folder: Path) -> Case:
    """Open the damaged files of one case."""
    kind, first = name.split()
    command = [sys.executable, "-m", "campaign.opening", kind, OPENED[kind], str(published)]
    with (folder / "opening.log").open("a") as log:
        done = subprocess.run(
            [*command, first, str(count)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"},
            timeout=_CASE_SECONDS,
            check=False,
        )
    tally = Tally()
    outcomes = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    for seed, outcome, written in outcomes:
        short = outcome.partition(":")[0]
        tally.outcomes[short] += 1
        for problem in problems(kind, outcome, written):
            tally.fail(f"{kind}, seed {seed}: {problem}")
    if len(outcomes) < count:
        tally.fail(f"{name}: only {len(outcomes)} of {count} opened; exit code {done.returncode}")
    return tally.case(name, count)


def problems(kind: str, outcome: str, written: list[str]) -> list[str]:
    """Return what is wrong with the outcome of one file.

    A crash is an outcome where the file is opened in a process of its own, which has a message for
    it; in the process of the command it is a failure.
    """
    short, _, message = outcome.partition(": ")
    rules = {
        "it hung": short == "killed by SIGALRM",
        f"{outcome} in the process of the command": short.startswith("killed by")
        and kind in IN_PROCESS,
        f"no clear message: {outcome[:300]}": short == "unexpected"
        or (short == "rejected" and not message.strip()),
        f"a traceback: {outcome[:300]}": "Traceback" in message,
        f"it wrote {', '.join(written)}": bool(written),
    }
    return [text for text, applies in rules.items() if applies]


PART = Part(
    name="files",
    tries="damaged model files of each format, opened in its runtime; damaged published folders "
    "whose hashes match, manifests, labels and images, opened as the commands open them",
    failure="a traceback, no answer within 60 s, a file written, no message, or a crash of the "
    "command's own process",
    total=500 * len(OPENED),
    minutes=25,
    run=run,
)
