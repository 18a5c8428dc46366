"""JavaScript runtimes: a script in ``js`` opens the file and communicates over pipes.

Each message is a line of JSON, followed by as many bytes as its ``bytes`` states. A request is
``{"shape", "threads", "calls", "budget_seconds", "bytes"}`` and the images; the response is
``{"seconds", "shape", "type", "bytes"}`` and the probabilities, or ``{"error"}``. The script's
first message has the contract and the processes that may hold the model; responses may update
these.
"""

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.model_contract import Contract, TensorSpec, named_axis
from pipeline.errors import WorkerFailed
from pipeline.runtimes.npm import NODE, SCRIPTS, packages_folder
from pipeline.runtimes.onnx_file import require_self_contained
from pipeline.runtimes.packages import find_program
from pipeline.runtimes.predictor import (
    Images,
    Predictor,
    Probabilities,
    num_threads,
    peak_memory_bytes,
)
from pipeline.runtimes.telemetry import NO_TELEMETRY


class JavaScriptPredictor(Predictor):
    """An ONNX file in the process of a script, which exits when its standard input is closed."""

    script: str

    def programs(self) -> list[str]:
        """Return the paths of programs that are passed to the script."""
        return []

    def __init__(self, path: Path) -> None:
        model = require_self_contained(path).resolve()
        self._process = subprocess.Popen(  # noqa: S603  (our own script, no shell)
            [str(find_program(NODE)), SCRIPTS / self.script, model, *self.programs()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=packages_folder(),  # packages.mjs loads the packages from there
            env={**os.environ, **NO_TELEMETRY},
        )
        hello = self._receive()
        self.load_seconds = hello["load_seconds"]
        self._processes = hello["processes"]
        self.contract = Contract(
            inputs=tuple(map(_spec, hello["inputs"])), outputs=tuple(map(_spec, hello["outputs"]))
        )

    def time_calls(self, images: Images, *, calls: int, budget_seconds: float) -> list[float]:
        """Return the seconds of each call, measured in the script, without the pipes."""
        return self._request(images, calls, budget_seconds)[0]

    def peak_memory_bytes(self) -> int | None:
        """Return the peak memory of the largest of the processes that may hold the model."""
        peaks = [peak_memory_bytes(process) for process in self._processes]
        return max((peak for peak in peaks if peak is not None), default=None)

    def _run(self, images: Images) -> Probabilities:
        return self._request(images, 1, math.inf)[1]

    def _request(
        self, images: Images, calls: int, budget_seconds: float
    ) -> tuple[list[float], Probabilities]:
        assert self._process.stdin is not None, "it was opened with a pipe"
        head = {
            "shape": images.shape,
            "threads": num_threads(len(images)),
            "calls": calls,
            "budget_seconds": min(budget_seconds, 1e6),
            "bytes": images.nbytes,
        }
        self._process.stdin.write(json.dumps(head).encode() + b"\n" + images.tobytes())
        self._process.stdin.flush()
        response = self._receive()
        self._processes = response.get("processes", self._processes)
        assert self._process.stdout is not None, "it was opened with a pipe"
        body = self._process.stdout.read(response["bytes"])
        return response["seconds"], np.frombuffer(body, response["type"]).reshape(response["shape"])

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None, "it was opened with a pipe"
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.script} exited with code {self._process.wait()}")
        message: dict[str, Any] = json.loads(line)
        if "failure" in message:
            raise WorkerFailed(f"{self.script} could not start: {message['failure']}")
        if "error" in message:
            raise RuntimeError(message["error"])
        return message


def _spec(value: dict[str, Any]) -> TensorSpec:
    sizes = (size if isinstance(size, int) else named_axis(size or "?") for size in value["shape"])
    return TensorSpec(value["name"], value["type"], tuple(sizes))
