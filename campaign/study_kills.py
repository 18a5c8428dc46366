"""The part ``studies``: ``kill -9`` at random moments of a study, then the same command again.

A study is killed over and over: every other time after it has completed at least one further stage,
so that it makes progress, otherwise soon after its start. Its results must be those of an
undisturbed study: every trial, their order, and the best weights.
"""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.kill_reference import contents, environment
from campaign.models import use_no_network
from campaign.part import Part
from campaign.results import Case, Results, Tally
from tests.support.paths import SMOKE

SEEDS = 25  # for each of the rates below: 100 trials
RATES = (0.001, 0.003, 0.01, 0.03)
# Short, so that most of 200 kills strike before a study of 100 trials is complete.
_SECONDS_AFTER_STAGE, _SECONDS_AFTER_START = 0.5, 4.0
_POLL_SECONDS = 0.01
_STUDY_SECONDS = 3600


@dataclass(frozen=True)
class Undisturbed:
    """A study that ran to its end: its file, its results and its outputs."""

    file: Path
    results: dict[str, Any]
    outputs: dict[str, str]


def run(results: Results, total: int, folder: Path) -> None:
    """Kill a study ``total`` times."""
    use_no_network(folder)
    folder.mkdir(parents=True, exist_ok=True)
    undisturbed = run_undisturbed(folder, SEEDS)
    results.run(["0"], lambda name: kill_and_finish(int(name), undisturbed, folder, total))


def run_undisturbed(folder: Path, seeds: int) -> Undisturbed:
    """Run a study of smoke networks, with ``seeds`` trials for each rate."""
    file = folder / "killed.yaml"
    axes = {"optimizer.learning_rate": list(RATES), "train.seed": list(range(seeds))}
    file.write_text(json.dumps({"name": "killed", "base": str(SMOKE), "axes": axes}))  # also YAML
    workspace = folder / "undisturbed"
    shutil.rmtree(workspace, ignore_errors=True)
    found, error = _finish(file, workspace)
    assert found is not None, error
    return Undisturbed(file, found, _outputs(workspace))


def kill_and_finish(seed: int, undisturbed: Undisturbed, folder: Path, kills: int) -> Case:
    """Kill a study ``kills`` times, let it finish, and compare its results."""
    chance, tally, workspace = random.Random(seed), Tally(), folder / f"killed-{seed}"
    shutil.rmtree(workspace, ignore_errors=True)  # of an interrupted campaign
    for number in range(kills):
        stages = 1 - number % 2
        seconds = _SECONDS_AFTER_STAGE if stages else _SECONDS_AFTER_START
        outcome = _kill(undisturbed.file, workspace, stages, chance.uniform(0, seconds))
        tally.outcomes[outcome] += 1
    found, error = _finish(undisturbed.file, workspace)
    if error:
        tally.fail(error)
    elif found != undisturbed.results:
        tally.fail("the results differ from those of an undisturbed study")
    outputs = _outputs(workspace)
    for name in sorted(undisturbed.outputs.keys() | outputs.keys()):
        if undisturbed.outputs.get(name) != outputs.get(name):
            tally.fail(f"{name} differs")
    if not tally.failed:  # otherwise it is kept, to look at
        shutil.rmtree(workspace)
    return tally.case(str(seed), kills)


def _kill(file: Path, workspace: Path, stages: int, seconds: float) -> str:
    """Start the study, and kill it some time after it has completed so many further stages."""
    before = _num_outputs(workspace)
    process = subprocess.Popen(
        _command(file, workspace),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(workspace),
    )
    while process.poll() is None and _num_outputs(workspace) < before + stages:
        time.sleep(_POLL_SECONDS)
    time.sleep(seconds)
    process.kill()
    return "killed" if process.wait() == -signal.SIGKILL else "ended before the kill"


def _finish(file: Path, workspace: Path) -> tuple[dict[str, Any] | None, str]:
    """Run the study to its end; return its results without seconds, or what went wrong."""
    done = subprocess.run(
        _command(file, workspace),
        capture_output=True,
        text=True,
        check=False,
        timeout=_STUDY_SECONDS,
        env=environment(workspace),
    )
    if done.returncode != 0 or "Traceback" in done.stderr:
        return None, f"exit code {done.returncode}: {done.stderr[-500:]}"
    return json.loads(done.stdout, object_hook=_without_seconds), ""


def _command(file: Path, workspace: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "pipeline",
        "study",
        str(file),
        "--json",
        "--workspace",
        str(workspace),
    ]


def _without_seconds(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "seconds"}


def _num_outputs(workspace: Path) -> int:
    return sum(1 for _ in workspace.glob("runs/*/*/manifest.json"))


def _outputs(workspace: Path) -> dict[str, str]:
    """Return the SHA-256 of the weights, histories and predictions of all trials."""
    inside = contents(workspace).items()
    return {name: digest for name, digest in inside if name.startswith(("runs/train", "runs/eval"))}


PART = Part(
    name="studies",
    tries="`kill -9` at random moments of a study of 100 networks, every other time after it has "
    "completed a further stage, otherwise soon after its start, then the same command again",
    failure="the last call fails, or a trial, their order, or the weights of a network differ from "
    "those of an undisturbed study",
    total=200,
    minutes=30,
    run=run,
)
