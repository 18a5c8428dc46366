"""Open one exported file in a separate process, and write its predictions to files.

``python -m pipeline.runtimes.worker REQUEST.json``: the request names the runtime, the model, the
images (a ``.npy`` file; without one, a black image is predicted) and the folder for the results.
The worker writes a byte to standard output when the predictions are written, and starts measuring
when it reads a byte from standard input. It is killed when its standard input is closed.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.artifacts.model_contract import require_classifier
from pipeline.artifacts.serialization import to_json
from pipeline.errors import PipelineError, one_line
from pipeline.runtimes.measuring import measure
from pipeline.runtimes.predictor import Images, Predictor
from pipeline.runtimes.registry import Runtime, choose_runtime, open_model
from pipeline.system.resources import memory_bytes

CONTRACT_FILE = "contract.json"
FACTS_FILE = "facts.json"
COST_FILE = "cost.json"
PREDICTIONS_FILE = "predictions.npy"
SMALL_BATCHES = (1, 2, 7, 32)


@dataclass(frozen=True)
class Request:
    """A request: a model in its folder, a ``.npy`` file of images, a folder for the results.

    ``display_name`` is the name of the model in error messages.
    """

    runtime: str
    model_folder: str
    model_name: str
    display_name: str
    images: str | None
    folder: str
    measured: bool


@dataclass(frozen=True)
class FileFacts:
    """The metadata of a file, and the names of its further signatures."""

    metadata: dict[str, str]
    encoded_inputs: list[str]


def small_batch_file(size: int) -> str:
    """Return the name of the file with the predictions for the first ``size`` images."""
    return f"batch_{size}.npy"


def encoded_inputs_file(number: int) -> str:
    """Return the name of the file with the predictions of another signature."""
    return f"encoded_input_{number}.npy"


def write_predictions(predictor: Predictor, images: Images, folder: Path) -> None:
    """Write the predictions for all images, in small batches, and of other signatures."""
    np.save(folder / PREDICTIONS_FILE, predictor.predict_all(images))
    for size in SMALL_BATCHES:
        np.save(folder / small_batch_file(size), predictor.predict(np.asarray(images[:size])))
    for number, predict in enumerate(predictor.encoded_inputs.values()):
        np.save(
            folder / encoded_inputs_file(number), predict(np.asarray(images[: SMALL_BATCHES[-1]]))
        )


def handle(request: Request, output: int, measure_requested: threading.Event) -> None:
    """Open the model, predict, and signal it; measure if requested, once nothing else computes."""
    runtime, folder = choose_runtime(request.runtime), Path(request.folder)
    for name in runtime.unneeded_modules:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it were not installed
    runtime.package.load()
    # Not earlier: files beside the model must not be imported. The model is opened from inside its
    # folder because TensorFlow interprets brackets in a path as a pattern.
    os.chdir(request.model_folder)
    model = Path(request.model_name)
    predictor = open_model(runtime, model, request.display_name)
    (folder / CONTRACT_FILE).write_text(json.dumps(to_json(predictor.contract)))
    images = _images(request, predictor)
    write_predictions(predictor, images, folder)
    facts = FileFacts(dict(predictor.metadata), list(predictor.encoded_inputs))
    (folder / FACTS_FILE).write_text(json.dumps(to_json(facts)))
    os.write(output, b"a")
    if request.measured:
        measure_requested.wait()
        cost = measure(predictor, np.asarray(images[:256]), _load_seconds(runtime, model))
        (folder / COST_FILE).write_text(json.dumps(to_json(cost)))


def main(arguments: list[str]) -> int:
    """Run the worker and return its exit code; errors are written to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)  # the output of libraries must not reach the parent process
    measure_requested = threading.Event()
    threading.Thread(
        target=_wait_for_measure_request, args=(measure_requested,), daemon=True
    ).start()
    limit_memory()
    try:
        handle(Request(**json.loads(Path(arguments[0]).read_text())), output, measure_requested)
    except PipelineError as error:
        _report(one_line(error, limit=None))
        return error.exit_code
    except Exception as error:  # noqa: BLE001  (every runtime has its own exceptions)
        _report(f"{type(error).__name__}: {one_line(error)}")
        return 1
    return 0


def limit_memory() -> None:
    """Limit memory, so that a malicious file causes an error and not an overloaded machine."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > memory_bytes():
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes(), hard))


def _images(request: Request, predictor: Predictor) -> Images:
    if request.images is not None:
        images: Images = np.load(request.images, mmap_mode="r")
        return images
    require_classifier(predictor.contract, request.display_name)
    return np.zeros((1, *predictor.contract.image_shape), np.uint8)


def _load_seconds(runtime: Runtime, model: Path) -> float:
    """Open the file again, now that all packages are imported and nothing else computes."""
    started = time.perf_counter()
    opened = open_model(runtime, model)
    return opened.load_seconds or time.perf_counter() - started


def _report(line: str) -> None:
    """Write one line; the parent reports only the last one, since libraries write here too."""
    print(line, file=sys.stderr)


def _wait_for_measure_request(measure_requested: threading.Event) -> None:
    """Wait for a request to measure; the pipe is closed when the parent process exits."""
    # Not sys.stdin: holding its lock would abort the interpreter at shutdown.
    while os.read(0, 1):
        measure_requested.set()
    os.killpg(0, signal.SIGKILL)  # the session of this worker, with its children


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main(sys.argv[1:]))
