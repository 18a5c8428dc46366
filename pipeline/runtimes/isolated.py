"""Ask a model in a fresh process: no state of training can help it to the right answer."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import ModelError, WorkerFailed
from pipeline.export.contract import Contract, contract_from_json
from pipeline.machine import num_processors
from pipeline.runtimes.measuring import Cost, cost_from_json
from pipeline.runtimes.registry import Runtime
from pipeline.runtimes.worker import (
    ANSWERS_FILE,
    CONTRACT_FILE,
    FACTS_FILE,
    SMALL_BATCHES,
    entrance_file,
    small_batch_file,
)

TIMEOUT_SECONDS = 600
_PACKAGE = Path(__file__).parent.parent
_REQUEST = "request.json"
# Of TensorFlow, OpenMP and NumPy: they count the processors of the machine, not of a container.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Answers:
    """What a file answered: its contract, the answers to all images and to small batches.

    ``entrances`` holds what other ways into the file answered to the first 32, by name;
    ``metadata`` what the file says of itself.
    """

    contract: Contract
    probabilities: npt.NDArray[np.float32]
    small_batches: dict[int, npt.NDArray[np.float32]]
    entrances: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    cost: Cost | None = None


def ask(
    runtime: Runtime,
    model: Path,
    images: Path | None = None,
    *,
    alone: Path | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Answers:
    """Open ``model`` in a fresh process and predict the images of a ``.npy`` file.

    Without images it is asked one black image. With ``alone``, a folder that all workers of a
    verification are given, time and memory are measured while none of the others computes.

    Raises:
        ModelError: the file is no model that the runtime opens.
        WorkerFailed: the process ended without an answer, or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="pipeline-") as scratch:
        # From inside the folder: TensorFlow takes brackets in a path for a pattern.
        folder, name = (model, ".") if model.is_dir() else (model.parent, model.name)
        request = {
            "runtime": runtime.name,
            "model": name,
            "images": images and str(images.resolve()),
            "folder": scratch,
            "alone": alone and str(alone.resolve()),
        }
        Path(scratch, _REQUEST).write_text(json.dumps(request))
        try:
            _run_worker(Path(scratch, _REQUEST), folder, timeout_seconds)
        except WorkerFailed as error:
            error.contract = _read_contract(Path(scratch))
            raise
        return _read(Path(scratch))


def _run_worker(request: Path, folder: Path, timeout_seconds: float) -> None:
    # -P: a folder named pipeline where the user stands is not this package.
    command = [sys.executable, "-P", "-m", "pipeline.runtimes.worker", str(request)]
    reading, writing = os.pipe()  # closed by the system when this process ends, however it ends
    try:
        done = subprocess.run(  # noqa: S603  (our own module, no shell)
            command,
            check=False,
            stdin=reading,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            cwd=folder,
            env=_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise WorkerFailed(f"no answer within {timeout_seconds:g} s") from error
    finally:
        os.close(reading)
        os.close(writing)
    if done.returncode < 0:
        raise WorkerFailed(f"its process was ended by {signal.Signals(-done.returncode).name}")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        refused = done.returncode == ModelError.exit_code
        raise ModelError(lines[-1]) if refused else WorkerFailed(lines[-1])


def _environment() -> dict[str, str]:
    search = [str(_PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = dict.fromkeys(_THREADS, str(num_processors()))
    return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(search)}


def _read_contract(folder: Path) -> Contract | None:
    """Return what the worker wrote before it asked; None where the file did not open."""
    try:
        return contract_from_json(json.loads((folder / CONTRACT_FILE).read_text()))
    except (OSError, ValueError):
        return None


def _read(folder: Path) -> Answers:
    facts: dict[str, Any] = json.loads((folder / FACTS_FILE).read_text())
    contract = _read_contract(folder)
    assert contract is not None, "it is written before the facts"
    return Answers(
        contract=contract,
        probabilities=np.load(folder / ANSWERS_FILE),
        small_batches={size: np.load(folder / small_batch_file(size)) for size in SMALL_BATCHES},
        metadata=facts["metadata"],
        entrances={
            name: np.load(folder / entrance_file(number))
            for number, name in enumerate(facts["entrances"])
        },
        cost=facts["cost"] and cost_from_json(facts["cost"]),
    )
