"""Open one exported file in a separate process, and write its predictions to files.

``python -m pipeline.runtimes.worker REQUEST.json``: the request names the runtime, the model, the
images (a ``.npy`` file; without one, a black image is predicted) and the folder for the results.
The worker writes a byte to standard output when the model is opened, and another one when the
predictions are written. It starts measuring when it reads a byte from standard input. It is killed
when its standard input is closed.

A ``resident`` worker predicts the images in a file of the folder for each byte that it reads.
"""

import json
import os
import queue
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
from pipeline.errors import MachineError, PipelineError, one_line
from pipeline.runtimes.allowed.check import require_allowed
from pipeline.runtimes.measuring import measure
from pipeline.runtimes.predictor import Images, Predictor
from pipeline.runtimes.registry import Runtime, choose_runtime, open_model
from pipeline.system.resources import lacks_memory, memory_bytes
from pipeline.system.tensorflow_import import tensorflow_import

CONTRACT_FILE = "contract.json"
FACTS_FILE = "facts.json"
COST_FILE = "cost.json"
IMAGES_FILE = "images.npy"
PREDICTIONS_FILE = "predictions.npy"
SMALL_BATCHES = (1, 2, 7, 32)
OPENED, PREDICTED = b"o", b"p"


@dataclass(frozen=True)
class Request:
    """A request: a model in its folder, a ``.npy`` file of images, a folder for the results.

    ``display_name`` is the name of the model in error messages; ``memory_bytes`` limits the memory
    of the worker; a ``resident`` one predicts images until it is ended.
    """

    runtime: str
    model_folder: str
    model_name: str
    display_name: str
    images: str | None
    folder: str
    memory_bytes: int
    measured: bool = False
    resident: bool = False


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


def handle(request: Request, output: int, commands: "queue.Queue[bytes]") -> None:
    """Open the model, predict, and signal both; measure if requested, once nothing else computes.

    ``commands`` are the bytes read from standard input.
    """
    runtime, folder = choose_runtime(request.runtime), Path(request.folder)
    # Before the package is imported, which may take seconds; open_model checks it again.
    require_allowed(Path(request.model_folder, request.model_name), request.display_name)
    for name in runtime.unneeded_modules:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it were not installed
    with tensorflow_import():  # of some runtimes; the others lose nothing
        runtime.package.load()
    # Not earlier: files beside the model must not be imported. The model is opened from inside its
    # folder because TensorFlow interprets brackets in a path as a pattern.
    os.chdir(request.model_folder)
    model = Path(request.model_name)
    predictor = open_model(runtime, model, request.display_name)
    (folder / CONTRACT_FILE).write_text(json.dumps(to_json(predictor.contract)))
    facts = FileFacts(dict(predictor.metadata), list(predictor.encoded_inputs))
    (folder / FACTS_FILE).write_text(json.dumps(to_json(facts)))
    if request.resident:
        require_classifier(predictor.contract, request.display_name)
    os.write(output, OPENED)
    while request.resident:  # until it is killed
        commands.get()
        np.save(folder / PREDICTIONS_FILE, predictor.predict(np.load(folder / IMAGES_FILE)))
        os.write(output, PREDICTED)
    images = _images(request, predictor)
    write_predictions(predictor, images, folder)
    os.write(output, PREDICTED)
    if request.measured:
        commands.get()
        cost = measure(predictor, np.asarray(images[:256]), _load_seconds(runtime, model))
        (folder / COST_FILE).write_text(json.dumps(to_json(cost)))


def main(arguments: list[str]) -> int:
    """Run the worker and return its exit code; errors are written to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)  # the output of libraries must not reach the parent process
    commands: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read_commands, args=(commands,), daemon=True).start()
    request = Request(**json.loads(Path(arguments[0]).read_text()))
    limit_memory(request.memory_bytes)
    try:
        handle(request, output, commands)
    except Exception as error:  # noqa: BLE001  (every runtime has its own exceptions)
        return _explain(error, min(request.memory_bytes, memory_bytes()))
    return 0


def _explain(error: Exception, memory: int) -> int:
    """Report an error, and return the exit code."""
    if lacks_memory(error):
        _report(f"it needs more memory than the {memory / 1e9:.1f} GB that it may use")
        return MachineError.exit_code
    if isinstance(error, PipelineError):
        _report(one_line(error, limit=None))
        return error.exit_code
    _report(f"{type(error).__name__}: {one_line(error)}")
    return 1


def limit_memory(allowed_bytes: int) -> None:
    """Limit memory, so that a malicious file causes an error and not an overloaded machine."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = min(allowed_bytes, memory_bytes())
    if hard == resource.RLIM_INFINITY or hard > limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


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


def _read_commands(commands: "queue.Queue[bytes]") -> None:
    """Read bytes from the parent process; the pipe is closed when it exits."""
    # Not sys.stdin: holding its lock would abort the interpreter at shutdown.
    while command := os.read(0, 1):
        commands.put(command)
    os.killpg(0, signal.SIGKILL)  # the session of this worker, with its children


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main(sys.argv[1:]))
