"""The parts ``slow`` and ``tolerances``, which are commands of their own."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from campaign.models import smoke_workspace
from campaign.part import Part
from campaign.results import Case, Results, Tally
from tests.support.paths import PROJECT

_SECONDS = 30  # of each measurement, quiet and beside slow clients
_OTHER, _OWN = "127.0.0.2", "127.0.0.1"
_LEAST_SHARE = {_OTHER: 0.999, _OWN: 0.99}
_SUMMARY = ("Keras and onnxruntime: ", "all runtimes: ", "faults: ")  # of the random models
_MAX_RATIO = 3.0  # of the 99th percentile, where the slow clients have another address


def run_slow_clients(results: Results, total: int, folder: Path) -> None:
    """Measure a good client beside every kind of slow client, from both addresses."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, object] = import_module("campaign.slow_clients").KINDS
    names = [f"{kind} {address}" for kind in kinds for address in (_OTHER, _OWN)][:total]
    if results.pending(names):
        workspace = smoke_workspace(folder)
        results.run(names, lambda name: measure_slow_clients(name, workspace))


def measure_slow_clients(name: str, workspace: Path, seconds: float = _SECONDS) -> Case:
    """Measure one kind of slow client from one address."""
    kind, address = name.split()
    done = _command("slow_clients", "--workspace", workspace, "--seconds", seconds,
                    "--kind", kind, "--address", address)  # fmt: skip
    tally = Tally()
    if done.returncode:
        tally.fail(f"{name}: {done.stderr[-500:]}")
        return tally.case(name, 1)
    found = json.loads(done.stdout.splitlines()[-1])
    tally.outcomes[
        f"{name}: {found['beside']['share']:.2%} answered, p99 {found['p99_ratio']}x"
    ] += 1
    for text in slow_client_problems(found):
        tally.fail(f"{name}: {text}")
    return tally.case(name, found["beside"]["requests"])


def slow_client_problems(found: dict[str, Any]) -> list[str]:
    """Return what is wrong with a measurement of ``campaign.slow_clients``."""
    address, share, ratio = found["address"], found["beside"]["share"], found["p99_ratio"]
    rules = {
        f"{share:.2%} of the good requests were answered": share < _LEAST_SHARE[address],
        f"p99 is {ratio} times its quiet value": address == _OTHER and not ratio <= _MAX_RATIO,
        f"{found['errors_logged']} tracebacks in the log": found["errors_logged"] > 0,
    }
    return [text for text, applies in rules.items() if applies]


def run_tolerances(results: Results, total: int, folder: Path) -> None:
    """Verify sound and faulty models; all in one case, whose seed is 0."""
    del total, folder
    results.run(["0"], verify_random_models)


def verify_random_models(seed: str) -> Case:
    """Run ``campaign.tolerances`` with a seed."""
    done = _command("tolerances", seed)
    tally = Tally()
    summary = [line for line in done.stdout.splitlines() if line.startswith(_SUMMARY)]
    tally.outcomes.update(dict.fromkeys(summary, 1))
    if done.returncode:
        tally.fail(f"seed {seed}: {' '.join(summary)} {done.stderr[-300:]}")
    tried = [int(line.partition(" of ")[2].split()[0]) for line in summary]
    return tally.case(seed, sum(tried))


def _command(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"campaign.{module}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)


SLOW_CLIENTS = Part(
    name="slow",
    tries="requests of a good client beside 1,000 slow connections of each kind, from another "
    "address and from its own",
    failure="less than 99.9 % answered (from its own address, 99 %), a 99th percentile of more "
    "than 3 times its quiet value (from another address), or a traceback in the log",
    total=100,
    minutes=20,
    run=run_slow_clients,
)
TOLERANCES = Part(
    name="tolerances",
    tries="200 random sound models in onnxruntime and Keras, 20 of them in all runtimes, and 500 "
    "faults that change predictions",
    failure="a sound model is refused, or a fault is accepted",
    total=1,
    minutes=45,
    run=run_tolerances,
)
