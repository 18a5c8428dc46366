"""Ask a model in a fresh process: no state of training can help it to the right answer."""

import json
import os
import signal
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
_PACKAGE = Path(__file__).parent.parent


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
        # From inside the folder: TensorFlow takes brackets in a path for a pattern.
        folder, name = (model, ".") if model.is_dir() else (model.parent, model.name)
        _run_worker([runtime.name, name, str(images.resolve()), scratch], folder)
        return _read(Path(scratch))


def _run_worker(arguments: list[str], folder: Path) -> None:
    # -P: a folder named pipeline where the user stands is not this package.
    command = [sys.executable, "-P", "-m", "pipeline.runtimes.worker", *arguments]
    search = [str(_PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    reading, writing = os.pipe()  # closed by the system when this process ends, however it ends
    try:
        done = subprocess.run(  # noqa: S603  (our own module, no shell)
            command,
            check=False,
            stdin=reading,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(search)},
        )
    except subprocess.TimeoutExpired as error:
        raise WorkerFailed(f"no answer within {TIMEOUT_SECONDS} s") from error
    finally:
        os.close(reading)
        os.close(writing)
    if done.returncode < 0:
        raise WorkerFailed(f"its process was ended by {signal.Signals(-done.returncode).name}")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise WorkerFailed(lines[-1])


def _read(folder: Path) -> Answers:
    return Answers(
        contract=contract_from_json(json.loads((folder / CONTRACT_FILE).read_text())),
        probabilities=np.load(folder / ANSWERS_FILE),
        small_batches={size: np.load(folder / small_batch_file(size)) for size in SMALL_BATCHES},
    )
