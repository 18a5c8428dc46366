"""Open one exported file in a process of its own, and write down what it answers.

``python -m pipeline.runtimes.worker REQUEST.json``; the request names runtime, model, images (a
``.npy`` file, or none: then a black image is asked) and the folder for the answers. A byte on
standard output says that they are written; a byte on standard input asks to measure as well. The
process ends with its standard input.
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
ANSWERS_FILE = "answers.npy"
SMALL_BATCHES = (1, 2, 7, 32)


@dataclass(frozen=True)
class Request:
    """What a worker is asked: a model in its folder, a ``.npy`` file, a folder for the answers.

    ``shown`` is what messages call the model.
    """

    runtime: str
    model_folder: str
    model_name: str
    shown: str
    images: str | None
    folder: str
    measured: bool


@dataclass(frozen=True)
class FileFacts:
    """What a file says of itself, and the names of further ways into it."""

    metadata: dict[str, str]
    entrances: list[str]


def small_batch_file(size: int) -> str:
    """Return the name of the file with the answers to the first ``size`` images."""
    return f"batch_{size}.npy"


def entrance_file(number: int) -> str:
    """Return the name of the file with the answers through another entrance of the file."""
    return f"entrance_{number}.npy"


def answer(predictor: Predictor, images: Images, folder: Path) -> None:
    """Write the answers to all images, and to the first few in other ways."""
    np.save(folder / ANSWERS_FILE, predictor.predict_all(images))
    for size in SMALL_BATCHES:
        np.save(folder / small_batch_file(size), predictor.predict(np.asarray(images[:size])))
    for number, entrance in enumerate(predictor.entrances.values()):
        np.save(folder / entrance_file(number), entrance(np.asarray(images[: SMALL_BATCHES[-1]])))


def work(request: Request, told: int, asked: threading.Event) -> None:
    """Open and answer; say so; measure where that is asked for, once nothing else computes."""
    runtime, folder = choose_runtime(request.runtime), Path(request.folder)
    runtime.package.load()
    # Only now: nothing that lies beside the model may be imported. TensorFlow takes brackets in a
    # path for a pattern, so the model is opened from inside its folder.
    os.chdir(request.model_folder)
    model = Path(request.model_name)
    predictor = open_model(runtime, model, request.shown)
    (folder / CONTRACT_FILE).write_text(json.dumps(to_json(predictor.contract)))
    images = _images(request, predictor)
    answer(predictor, images, folder)
    facts = FileFacts(dict(predictor.metadata), list(predictor.entrances))
    (folder / FACTS_FILE).write_text(json.dumps(to_json(facts)))
    os.write(told, b"a")
    if request.measured:
        asked.wait()
        cost = measure(predictor, np.asarray(images[:256]), _load_seconds(runtime, model))
        (folder / COST_FILE).write_text(json.dumps(to_json(cost)))


def main(arguments: list[str]) -> int:
    """Run the worker and return its exit code; what went wrong goes to standard error."""
    told = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no message to the process that asks
    asked = threading.Event()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    limit_memory()
    try:
        work(Request(**json.loads(Path(arguments[0]).read_text())), told, asked)
    except PipelineError as error:
        _tell(one_line(error, limit=None))
        return error.exit_code
    except Exception as error:  # noqa: BLE001  (every runtime has exceptions of its own)
        _tell(f"{type(error).__name__}: {one_line(error)}")
        return 1
    return 0


def limit_memory() -> None:
    """Give a file that asks for more memory than there is an error, not the whole machine."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > memory_bytes():
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes(), hard))


def _images(request: Request, predictor: Predictor) -> Images:
    if request.images is not None:
        images: Images = np.load(request.images, mmap_mode="r")
        return images
    require_classifier(predictor.contract, request.shown)
    return np.zeros((1, *predictor.contract.image_shape), np.uint8)


def _load_seconds(runtime: Runtime, model: Path) -> float:
    """Open the file once more, now that every package is imported and nothing else computes."""
    started = time.perf_counter()
    opened = open_model(runtime, model)
    return opened.load_seconds or time.perf_counter() - started


def _tell(line: str) -> None:
    """Write one line: of what libraries write as well, only the last is told."""
    print(line, file=sys.stderr)


def _listen(asked: threading.Event) -> None:
    """Standard input is a pipe that ends when the process that asked is gone."""
    # Not sys.stdin: its lock, held here, would abort the interpreter at its end.
    while os.read(0, 1):
        asked.set()
    os.killpg(0, signal.SIGKILL)  # a session of its own, with the processes it has started


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main(sys.argv[1:]))
