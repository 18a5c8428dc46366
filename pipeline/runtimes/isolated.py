"""Ask a model in a fresh process: no state of training can help it to the right answer."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.errors import WorkerFailed
from pipeline.export.contract import Contract, contract_from_json
from pipeline.runtimes.registry import Runtime
from pipeline.runtimes.worker import (
    ANSWERS_FILE,
    CONTRACT_FILE,
    SMALL_BATCHES,
    small_batch_file,
)

TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Answers:
    """What a file answered: its contract, the answers to all images and to small batches."""

    contract: Contract
    probabilities: npt.NDArray[np.float32]
    small_batches: dict[int, npt.NDArray[np.float32]]


def ask(runtime: Runtime, model: Path, images: Path) -> Answers:
    """Open ``model`` in a fresh process and predict the images of a ``.npy`` file.

    Raises:
        WorkerFailed: the process ended without an answer, or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="pipeline-") as scratch:
        command = [sys.executable, "-m", "pipeline.runtimes.worker"]
        arguments = [runtime.name, str(model), str(images), scratch]
        try:
            done = subprocess.run(  # noqa: S603  (our own module, no shell)
                [*command, *arguments],
                check=False,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise WorkerFailed(f"no answer within {TIMEOUT_SECONDS} s") from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise WorkerFailed(lines[-1])
        return _read(Path(scratch))


def _read(folder: Path) -> Answers:
    return Answers(
        contract=contract_from_json(json.loads((folder / CONTRACT_FILE).read_text())),
        probabilities=np.load(folder / ANSWERS_FILE),
        small_batches={size: np.load(folder / small_batch_file(size)) for size in SMALL_BATCHES},
    )
