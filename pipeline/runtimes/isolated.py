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
from pipeline.runtimes.processes import TIMEOUT_SECONDS, Turns, WorkerProcess
from pipeline.runtimes.registry import Runtime, require_installed
from pipeline.runtimes.worker import (
    ANSWERS_FILE,
    CONTRACT_FILE,
    COST_FILE,
    FACTS_FILE,
    SMALL_BATCHES,
    FileFacts,
    Request,
    entrance_file,
    small_batch_file,
)

_REQUEST = "request.json"


class Unanswered(WorkerFailed):
    """A file gave no predictions.

    ``contract`` has the inputs and outputs that the file declares, if it could be opened.
    """

    def __init__(self, message: str, contract: Contract | None) -> None:
        super().__init__(message)
        self.contract = contract


@dataclass(frozen=True)
class Answers:
    """The contract of a file, and its predictions for all images and for small batches.

    ``entrances`` has the predictions of the file's other signatures for the first 32 images, by
    name; ``metadata`` is the file's own.
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
    turns: Turns | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Answers:
    """Open ``model`` in a fresh process and predict the images of a ``.npy`` file.

    Without images, one black image is predicted. With ``turns``, shared by all concurrent calls,
    time and memory are measured while no other call computes. Each step has the time limit.

    Raises:
        MissingPackages: the runtime is not installed.
        ModelError: the file is not a model that the runtime can open.
        Unanswered: the process exited without predictions, or took too long.
    """
    require_installed(runtime, model)
    with tempfile.TemporaryDirectory(prefix="pipeline-") as scratch:
        folder = Path(scratch)
        inside = model.is_dir()
        request = Request(
            runtime=runtime.name,
            model_folder=str((model if inside else model.parent).resolve()),
            model_name="." if inside else model.name,
            shown=str(model),
            images=str(images.resolve()) if images else None,
            folder=scratch,
            measured=turns is not None,
        )
        (folder / _REQUEST).write_text(json.dumps(to_json(request)))
        with _contract_added(folder), ExitStack() as stack:
            with turns.together() if turns else nullcontext():
                worker = stack.enter_context(WorkerProcess(folder / _REQUEST, timeout_seconds))
                worker.wait_for_answers()
            if turns:
                with turns.alone():
                    worker.measure()
            return _read(folder)


@contextmanager
def _contract_added(folder: Path) -> Iterator[None]:
    """Add the contract of the file to a failure, if it could be opened."""
    try:
        yield
    except WorkerFailed as error:
        raise Unanswered(str(error), _read_contract(folder)) from error


def _read_contract(folder: Path) -> Contract | None:
    try:
        return from_json(Contract, json.loads((folder / CONTRACT_FILE).read_text()))
    except (OSError, ValueError):
        return None


def _read(folder: Path) -> Answers:
    contract = _read_contract(folder)
    if contract is None or not (folder / FACTS_FILE).is_file():
        raise WorkerFailed("its process exited without predictions")
    facts = FileFacts(**json.loads((folder / FACTS_FILE).read_text()))
    cost = folder / COST_FILE
    return Answers(
        contract=contract,
        probabilities=np.load(folder / ANSWERS_FILE),
        small_batches={size: np.load(folder / small_batch_file(size)) for size in SMALL_BATCHES},
        entrances={
            name: np.load(folder / entrance_file(number))
            for number, name in enumerate(facts.entrances)
        },
        metadata=facts.metadata,
        cost=from_json(Cost, json.loads(cost.read_text())) if cost.is_file() else None,
    )
