"""Shared by all peers: the training problem and the timing. Needs only NumPy."""

import importlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

LEARNING_RATE = 0.001  # of Adam, in all peers

AfterEpoch = Callable[[float], None]  # called with the mean training loss of the epoch


@dataclass(frozen=True)
class Problem:
    """Images, uint8 (n, 28, 28, 1); labels, int64 (n,); the network and how to train it."""

    images: np.ndarray
    labels: np.ndarray
    hidden: tuple[int, ...]
    batch_size: int
    epochs: int
    weights: tuple[np.ndarray, ...]  # initial: kernel (inputs, units), bias, kernel, ...

    @property
    def scaled(self) -> np.ndarray:
        """The images in the usual form: float32 (n, 784) in 0..1."""
        return self.images.reshape(len(self.images), -1).astype(np.float32) / 255


def main() -> None:
    """Run one peer, ``harness.py PEER ARGUMENTS``, and print seconds and losses as JSON."""
    module, arguments = sys.argv[1], json.loads(sys.argv[2])
    problem = read_problem(**arguments)
    peer = importlib.import_module(f"benchmarks.peers.{module}")  # not timed
    started = time.perf_counter()
    ends: list[float] = []
    losses: list[float] = []

    def after_epoch(loss: float) -> None:
        ends.append(time.perf_counter())
        losses.append(float(loss))

    version = peer.train(problem, after_epoch)
    seconds = np.diff([started, *ends]).tolist()
    print(json.dumps({"seconds": seconds, "losses": losses, "version": version}))


def read_problem(
    folder: str, hidden: list[int], batch_size: int, epochs: int, num_images: int
) -> Problem:
    """Read the arrays written by the benchmark, and draw the initial weights of all peers."""
    images = np.load(Path(folder) / "images.npy")[:num_images]
    labels = np.load(Path(folder) / "labels.npy")[:num_images]
    return Problem(images, labels, tuple(hidden), batch_size, epochs, tuple(glorot_uniform(hidden)))


def glorot_uniform(hidden: list[int]) -> list[np.ndarray]:
    """Return weights of 784, hidden..., 10 units: U(-sqrt(6/(a+b)), sqrt(6/(a+b))), biases 0."""
    generator = np.random.default_rng(0)
    widths = [784, *hidden, 10]
    weights = []
    for inputs, units in pairwise(widths):
        limit = np.sqrt(6 / (inputs + units))
        kernel = generator.uniform(-limit, limit, (inputs, units))
        weights += [kernel.astype(np.float32), np.zeros(units, np.float32)]
    return weights


if __name__ == "__main__":
    main()
