"""Run a model in a fresh process, so that no state of the training can influence it."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.cost import Cost
from pipeline.artifacts.model_contract import Contract
from pipeline.artifacts.serialization import from_json, to_json
from pipeline.errors import WorkerFailed
from pipeline.runtimes.processes import TIMEOUT_SECONDS, MeasurementLock, WorkerProcess
from pipeline.runtimes.registry import Runtime, require_installed
from pipeline.runtimes.worker import (
    CONTRACT_FILE,
    COST_FILE,
    FACTS_FILE,
    PREDICTIONS_FILE,
    SMALL_BATCHES,
    FileFacts,
    Request,
    encoded_inputs_file,
    small_batch_file,
)

_REQUEST = "request.json"


class NoPredictions(WorkerFailed):
    """A worker returned no predictions.

    ``contract`` has the inputs and outputs that the file declares, if it could be opened.
    """

    def __init__(self, message: str, contract: Contract | None) -> None:
        super().__init__(message)
        self.contract = contract


@dataclass(frozen=True)
class WorkerResult:
    """The contract of a file, and its predictions for all images and for small batches.

    ``encoded_inputs`` has the predictions of the file's other signatures, by name, for the first 32
    images; ``metadata`` is the file's own.
    """

    contract: Contract
    probabilities: npt.NDArray[np.float32]
    small_batches: dict[int, npt.NDArray[np.float32]]
    encoded_inputs: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    cost: Cost | None = None


def run_isolated(
    runtime: Runtime,
    model: Path,
    images: Path | None = None,
    *,
    lock: MeasurementLock | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> WorkerResult:
    """Open ``model`` in a fresh process and predict the images of a ``.npy`` file.

    Without images, one black image is predicted. With ``lock``, shared by all concurrent calls,
    time and memory are measured while no other call computes. Each step has the time limit.

    Raises:
        MissingPackages: the runtime is not installed.
        ModelError: the file is not a model that the runtime can open.
        NoPredictions: the process exited without predictions, or took too long.
    """
    require_installed(runtime, model)
    with tempfile.TemporaryDirectory(prefix="pipeline-") as scratch:
        folder = Path(scratch)
        inside = model.is_dir()
        request = Request(
            runtime=runtime.name,
            model_folder=str((model if inside else model.parent).resolve()),
            model_name="." if inside else model.name,
            display_name=str(model),
            images=str(images.resolve()) if images else None,
            folder=scratch,
            measured=lock is not None,
        )
        (folder / _REQUEST).write_text(json.dumps(to_json(request)))
        with _attach_contract(folder), ExitStack() as stack:
            with lock.shared() if lock else nullcontext():
                worker = stack.enter_context(WorkerProcess(folder / _REQUEST, timeout_seconds))
                worker.wait_for_predictions()
            if lock:
                with lock.exclusive():
                    worker.measure()
            return _read(folder)


@contextmanager
def _attach_contract(folder: Path) -> Iterator[None]:
    """Add the contract of the file to a failure, if it could be opened."""
    try:
        yield
    except WorkerFailed as error:
        raise NoPredictions(str(error), _read_contract(folder)) from error


def _read_contract(folder: Path) -> Contract | None:
    try:
        return from_json(Contract, json.loads((folder / CONTRACT_FILE).read_text()))
    except (OSError, ValueError):
        return None


def _read(folder: Path) -> WorkerResult:
    contract = _read_contract(folder)
    if contract is None or not (folder / FACTS_FILE).is_file():
        raise WorkerFailed("its process exited without predictions")
    facts = FileFacts(**json.loads((folder / FACTS_FILE).read_text()))
    cost = folder / COST_FILE
    return WorkerResult(
        contract=contract,
        probabilities=np.load(folder / PREDICTIONS_FILE),
        small_batches={size: np.load(folder / small_batch_file(size)) for size in SMALL_BATCHES},
        encoded_inputs={
            name: np.load(folder / encoded_inputs_file(number))
            for number, name in enumerate(facts.encoded_inputs)
        },
        metadata=facts.metadata,
        cost=from_json(Cost, json.loads(cost.read_text())) if cost.is_file() else None,
    )
