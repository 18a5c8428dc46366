"""The model of all servers: the same file, one thread. Needs only NumPy and onnxruntime."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnxruntime

INPUT, OUTPUT = "image", "probabilities"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Arguments:
    """The command-line arguments of a server."""

    file: str
    name: str
    port: int


def arguments() -> Arguments:
    """Read the command line: FILE NAME PORT."""
    file, name, port = sys.argv[1:]
    return Arguments(file, name, int(port))


def load_predict(file: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the model as a function from uint8 (n, 28, 28, 1) to float32 (n, 10)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def predict(images: np.ndarray) -> np.ndarray:
        [probabilities] = session.run([OUTPUT], {INPUT: images})
        return probabilities  # type: ignore[no-any-return]

    return predict
