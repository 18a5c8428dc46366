"""Open one exported file in a process of its own, and write down what it answers.

``python -m pipeline.runtimes.worker RUNTIME MODEL IMAGES.npy FOLDER``
"""

import json
import os
import sys
import threading
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError
from pipeline.runtimes.predictor import Predictor
from pipeline.runtimes.registry import choose_runtime, open_model

CONTRACT_FILE = "contract.json"
ANSWERS_FILE = "answers.npy"
SMALL_BATCHES = (1, 2, 7, 32)
_CHUNK = 4096  # images a call on the whole set: bounds memory


def small_batch_file(size: int) -> str:
    """Return the name of the file with the answers to the first ``size`` images."""
    return f"batch_{size}.npy"


def answer(predictor: Predictor, images: Path, folder: Path) -> None:
    """Write the contract and the answers to all images and to the first few as small batches."""
    (folder / CONTRACT_FILE).write_text(json.dumps(predictor.contract.as_json()))
    data = np.load(images, mmap_mode="r")
    chunks = (data[first : first + _CHUNK] for first in range(0, len(data), _CHUNK))
    np.save(folder / ANSWERS_FILE, np.concatenate([predictor.predict(c) for c in chunks]))
    for size in SMALL_BATCHES:
        np.save(folder / small_batch_file(size), predictor.predict(np.asarray(data[:size])))


def main(arguments: list[str]) -> int:
    """Run the worker and return its exit code; what went wrong goes to standard error."""
    runtime, model, images, folder = arguments
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer(open_model(choose_runtime(runtime), Path(model)), Path(images), Path(folder))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  (every runtime has exceptions of its own)
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _end_with_parent() -> None:
    """Standard input is a pipe that ends when the process that asked is gone."""
    os.read(0, 1)  # not sys.stdin: its lock, held here, would abort the interpreter at its end
    os._exit(1)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main(sys.argv[1:]))
