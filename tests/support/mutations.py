"""Damaged copies of an exported model, each opened in a separate process.

``python -m tests.support.mutations RUNTIME FORMAT FOLDER COUNT`` prints one line of JSON, a list of
the outcomes: ``predicted``, ``rejected: ...``, or ``killed by SIG...``, which the pipeline's worker
processes contain.
The runtime is imported once; each copy is opened in a fork, since hundreds of imports take an hour.
"""

import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.artifacts.formats import artifact_files, artifact_path
from pipeline.artifacts.model_contract import require_classifier
from pipeline.errors import PipelineError, one_line
from pipeline.runtimes.registry import Runtime, choose_runtime, open_model
from pipeline.runtimes.worker import limit_memory
from pipeline.system.resources import memory_bytes

NATIVE_RUNTIMES = {
    "saved_model": "tensorflow",
    "onnx": "onnxruntime",
    "keras": "keras",
    "litert": "litert",
    "onnx_int8": "onnxruntime",
    "onnx_fp16": "onnxruntime",
    "openvino": "openvino",
}
SECONDS = 60
STRUCTURE = 3000  # bytes at either end, where names and shapes are


def damage(content: bytes, random_: random.Random) -> bytes:
    """Return the content truncated, overwritten or with bytes flipped, inserted or removed."""
    body = bytearray(content)
    end = len(body) - 1
    near = [min(STRUCTURE, end), end]
    offset = random_.choice([random_.randint(0, near[0]), random_.randint(0, end),
                            random_.randint(max(0, end - STRUCTURE), end)])  # fmt: skip
    size = random_.choice([1, 4, 64, 1024])
    kind = random_.randrange(7)
    if kind == 0:
        return bytes(body[:offset])
    if kind in (1, 2):
        for _ in range(random_.choice([1, 1, 3, 8])):
            body[min(offset, end)] ^= 1 << random_.randrange(8)
            offset = random_.randint(0, near[random_.randrange(2)])
    if kind == 3:
        body[offset : offset + size] = random_.randbytes(size)
    if kind == 4:
        body[offset : offset + size] = b"\xff" * min(size, end - offset + 1)
    if kind == 5:
        body[offset:offset] = random_.randbytes(size)
    if kind == 6:
        del body[offset : offset + size]
    return bytes(body)


def mutate(folder: Path, file_format: str, seed: int) -> None:
    """Damage one file of a format."""
    random_ = random.Random(seed)
    path = random_.choice(artifact_files(folder, file_format))
    content = path.read_bytes()
    damaged = damage(content, random_)
    path.write_bytes(damaged if damaged != content else content[:-1])


def call_in_fork(function: Callable[[], object], outcome: Path, *, unexpected: str) -> str:
    """Call a function in a child process, and return the outcome.

    ``unexpected`` is the outcome of an error that is not the pipeline's own.
    """
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        try:
            function()
            outcome.write_text("predicted")
        except PipelineError as error:
            outcome.write_text(f"rejected: {one_line(error, limit=None)}")
        except BaseException as error:  # noqa: BLE001  (the caller judges it)
            outcome.write_text(f"{unexpected}: {type(error).__name__}: {error}")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return outcome.read_text()


def open_in_fork(runtime: Runtime, path: Path, outcome: Path) -> str:
    """Open and run a model in a child process, as a worker does, and return the outcome."""

    def predict() -> None:
        limit_memory(memory_bytes())
        predictor = open_model(runtime, path)
        require_classifier(predictor.contract, path.name)
        predictor.predict(np.zeros((1, *predictor.contract.image_shape), np.uint8))

    return call_in_fork(predict, outcome, unexpected="rejected")


def main(name: str, file_format: str, folder: str, count: str) -> None:
    runtime = choose_runtime(name)
    runtime.package.load()
    with tempfile.TemporaryDirectory() as scratch:
        copy, outcome = Path(scratch, "copy"), Path(scratch, "outcome")
        results = []
        for seed in range(int(count)):
            shutil.copytree(folder, copy)
            mutate(copy, file_format, seed)
            results.append(open_in_fork(runtime, artifact_path(copy, file_format), outcome))
            shutil.rmtree(copy)
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
