"""Run a model in a fresh process, so that no state of the training can influence it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.cost import Cost
from pipeline.artifacts.model_contract import Contract
from pipeline.artifacts.serialization import from_json, to_json
from pipeline.errors import ModelError, WorkerFailed
from pipeline.runtimes.limits import memory_for, seconds_for
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
from pipeline.system.scratch import scratch_folder

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
    memory_bytes: int | None = None,
) -> WorkerResult:
    """Open ``model`` in a fresh process and predict the images of a ``.npy`` file.

    Without images, one black image is predicted. With ``lock``, shared by all concurrent calls,
    time and memory are measured while no other call computes. Each step has the time limit; the
    memory limit is that for files from elsewhere, unless one is given.

    Raises:
        MissingPackages: the runtime is not installed.
        ModelError: the file is not a model that the runtime can open.
        NoPredictions: the process exited without predictions, or took too long.
    """
    require_installed(runtime, model)
    with scratch_folder() as folder:
        request = replace(
            request_for(runtime, model, folder, memory_bytes),
            images=str(images.resolve()) if images else None,
            measured=lock is not None,
        )
        request_file = write_request(request)
        with _attach_contract(folder), ExitStack() as stack:
            with lock.shared() if lock else nullcontext():
                worker = stack.enter_context(WorkerProcess(request_file, timeout_seconds))
                worker.wait_until_opened()
                worker.wait_for_predictions()
            if lock:
                with lock.exclusive():
                    worker.measure()
            return _read(folder)


def run_file(
    runtime: Runtime, path: Path, images: Path | None = None, *, num_images: int = 1
) -> WorkerResult:
    """Run a file from elsewhere, with the limits for such files; see ``run_isolated``.

    Raises:
        ModelError: the file cannot be opened or run.
    """
    try:
        return run_isolated(runtime, path, images, timeout_seconds=seconds_for(num_images))
    except WorkerFailed as error:
        raise cannot_run(path, runtime, error) from error


def cannot_run(path: Path, runtime: Runtime, error: WorkerFailed) -> ModelError:
    """Return the error for a file whose process failed, for whatever reason."""
    return ModelError(
        f"Cannot run {path} in {runtime.name}: {error}. Restore the file, export it again, or "
        "raise the limits of time and memory (docs/runtimes.md)."
    )


def request_for(
    runtime: Runtime, model: Path, folder: Path, memory_bytes: int | None = None
) -> Request:
    """Return the request to open a model, with the memory limit for files from elsewhere."""
    inside = model.is_dir()
    return Request(
        runtime=runtime.name,
        model_folder=str((model if inside else model.parent).resolve()),
        model_name="." if inside else model.name,
        display_name=str(model),
        images=None,
        folder=str(folder),
        memory_bytes=memory_for(model) + runtime.reserved_bytes
        if memory_bytes is None
        else memory_bytes,
    )


def write_request(request: Request) -> Path:
    """Write a request into its folder, for the worker to read."""
    path = Path(request.folder, _REQUEST)
    path.write_text(json.dumps(to_json(request)))
    return path


@contextmanager
def _attach_contract(folder: Path) -> Iterator[None]:
    """Add the contract of the file to a failure, if it could be opened."""
    try:
        yield
    except WorkerFailed as error:
        raise NoPredictions(str(error), read_contract(folder)) from error


def read_contract(folder: Path) -> Contract | None:
    """Return the contract that a worker has written, or None if the model was not opened."""
    try:
        return from_json(Contract, json.loads((folder / CONTRACT_FILE).read_text()))
    except (OSError, ValueError):
        return None


def read_facts(folder: Path) -> FileFacts:
    """Return the facts that a worker has written once the model was opened."""
    return FileFacts(**json.loads((folder / FACTS_FILE).read_text()))


def _read(folder: Path) -> WorkerResult:
    contract = read_contract(folder)
    if contract is None:
        raise WorkerFailed("its process exited without predictions")
    facts = read_facts(folder)
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
