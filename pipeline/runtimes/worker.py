"""Open one exported file in a process of its own, and write down what it answers.

``python -m pipeline.runtimes.worker REQUEST.json``; the request names runtime, model, images (a
``.npy`` file, or none: then a black image is asked) and the folder for the answers.
"""

import json
import os
import resource
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.atomic import locked
from pipeline.errors import PipelineError
from pipeline.export.contract import require_classifier
from pipeline.machine import memory_bytes
from pipeline.runtimes.measuring import measure
from pipeline.runtimes.predictor import Predictor
from pipeline.runtimes.registry import choose_runtime, open_model

CONTRACT_FILE = "contract.json"
FACTS_FILE = "facts.json"
ANSWERS_FILE = "answers.npy"
SMALL_BATCHES = (1, 2, 7, 32)
_MOST_LETTERS = 400  # of an error that is not ours
_CHUNK = 4096  # images a call on the whole set: bounds memory


def small_batch_file(size: int) -> str:
    """Return the name of the file with the answers to the first ``size`` images."""
    return f"batch_{size}.npy"


def entrance_file(number: int) -> str:
    """Return the name of the file with the answers through another entrance of the file."""
    return f"entrance_{number}.npy"


def answer(predictor: Predictor, images: Any, folder: Path) -> None:
    """Write the answers to all images, and to the first few in other ways."""
    chunks = (images[first : first + _CHUNK] for first in range(0, len(images), _CHUNK))
    np.save(folder / ANSWERS_FILE, np.concatenate([predictor.predict(c) for c in chunks]))
    for size in SMALL_BATCHES:
        np.save(folder / small_batch_file(size), predictor.predict(np.asarray(images[:size])))
    for number, entrance in enumerate(predictor.entrances.values()):
        np.save(folder / entrance_file(number), entrance(np.asarray(images[: SMALL_BATCHES[-1]])))


def work(request: dict[str, Any]) -> None:
    """Open, answer, and measure while no other worker computes.

    ``alone`` names a folder whose lock the workers of one verification share.
    """
    runtime, folder = choose_runtime(request["runtime"]), Path(request["folder"])
    alone = request["alone"] and Path(request["alone"])
    with locked(alone, shared=True) if alone else nullcontext():
        runtime.package.load()
        started = time.perf_counter()
        predictor = open_model(runtime, Path(request["model"]))
        load_seconds = time.perf_counter() - started
        (folder / CONTRACT_FILE).write_text(json.dumps(predictor.contract.as_json()))
        images = _images(request, predictor)
        answer(predictor, images, folder)
    cost = None
    if alone:
        with locked(alone):
            cost = asdict(measure(predictor, np.asarray(images[:256]), load_seconds))
    facts = {
        "metadata": dict(predictor.metadata),
        "entrances": list(predictor.entrances),
        "cost": cost,
    }
    (folder / FACTS_FILE).write_text(json.dumps(facts))


def main(arguments: list[str]) -> int:
    """Run the worker and return its exit code; what went wrong goes to standard error."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_memory()
    try:
        work(json.loads(Path(arguments[0]).read_text()))
    except PipelineError as error:
        _tell(str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001  (every runtime has exceptions of its own)
        _tell(f"{type(error).__name__}: {error}"[:_MOST_LETTERS])
        return 1
    return 0


def _tell(text: str) -> None:
    """Write one line: of what libraries write as well, only the last is told."""
    print(" ".join(text.split()), file=sys.stderr)


def _images(request: dict[str, Any], predictor: Predictor) -> Any:
    if request["images"] is not None:
        return np.load(request["images"], mmap_mode="r")
    require_classifier(predictor.contract, request["model"])
    return np.zeros((1, *predictor.contract.image_shape), np.uint8)


def limit_memory() -> None:
    """Give a file that asks for more memory than there is an error, not the whole machine."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > memory_bytes():
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes(), hard))


def _end_with_parent() -> None:
    """Standard input is a pipe that ends when the process that asked is gone."""
    os.read(0, 1)  # not sys.stdin: its lock, held here, would abort the interpreter at its end
    os._exit(1)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main(sys.argv[1:]))
