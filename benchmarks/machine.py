"""Shared by the benchmarks: machine description, data, environments and child processes."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.api import run
from pipeline.artifacts.data_set import read_data
from pipeline.system.resources import memory_bytes, num_processors

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = PROJECT / ".venv-bench"
PEERS = PROJECT / "benchmarks" / "peers"
RESULTS = PROJECT / "benchmarks" / "results"
SCRATCH = PROJECT / "runs" / "benchmarks"
OURS = "ours"
_NUM_TEST = 10_000  # of the full set


def describe() -> dict[str, Any]:
    """Describe this machine for the reader of the results."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    flags = next(line.split() for line in lines if line.startswith("flags"))
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    return {
        "processor": models[0],
        "processors": num_processors(),
        "instructions": [flag for flag in wanted if flag in flags],
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def write_digits() -> Path:
    """Write the 60,000 training and 10,000 test images of the data stage.

    Exits if only the sample is available: its numbers would be misleading.
    """
    result = run(PROJECT / "configs" / "mlp.yaml", until="data", workspace=PROJECT)
    data = read_data(Path(result.stages[0].output.path))
    if len(data.test) != _NUM_TEST:
        sys.exit("The benchmarks need the full MNIST data set; got the sample. See the README.")
    SCRATCH.mkdir(parents=True, exist_ok=True)
    parts = [data.train, data.validation]
    np.save(SCRATCH / "images.npy", np.concatenate([part.images for part in parts]))
    np.save(SCRATCH / "labels.npy", np.concatenate([part.labels for part in parts]))
    np.save(SCRATCH / "test_images.npy", data.test.images)
    np.save(SCRATCH / "test_labels.npy", data.test.labels)
    return SCRATCH


def python_of(environment: str) -> Path:
    """Return the interpreter of an environment that ``make bench-environments`` has built."""
    if environment == OURS:
        return Path(sys.executable)
    python = ENVIRONMENTS / environment / "bin" / "python"
    if not python.exists():
        sys.exit(f"{python} does not exist. Run: make bench-environments")
    return python


def call(environment: str, script: Path, *arguments: object) -> dict[str, Any]:
    """Run a script in an environment, and return the JSON of its last line."""
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(PROJECT)}
    command = [str(python_of(environment)), str(script), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=variables, cwd=PEERS, check=False
    )
    if done.returncode != 0:
        return {"error": done.stderr.strip().splitlines()[-1][:200]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def save(name: str, result: dict[str, Any]) -> None:
    """Save a result with a description of the machine, for the report."""
    RESULTS.mkdir(exist_ok=True)
    described = {"machine": describe(), **result}
    (RESULTS / f"{name}.json").write_text(json.dumps(described, indent=1) + "\n")
