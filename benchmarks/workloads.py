"""The workloads of the servers: real digits, single and in batches, with expected predictions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.machine import write_digits
from benchmarks.messages import Protocol, Response, connect
from benchmarks.servers import Server
from pipeline.publishing.published_folder import PublishedModel, find_published

BATCH_SIZE = 32
NUM_SINGLES, NUM_BATCHES = 32, 8  # different requests, sent in rotation
TOLERANCE = 1e-5  # float32 survives JSON; the order of sums depends on the batch size
_OK = 200


class WrongPredictions(Exception):
    """A server returned wrong predictions; the message is for users."""


@dataclass(frozen=True)
class Workload:
    """Requests of one size, as JSON or binary."""

    name: str
    batch_size: int
    binary: bool

    @property
    def num_requests(self) -> int:
        """The number of different requests."""
        return NUM_SINGLES if self.batch_size == 1 else NUM_BATCHES

    def protocol(self, server: Server) -> Protocol | None:
        """Return the protocol of a server for the workload; None if it has none."""
        return server.tensors if self.binary else server.rows


WORKLOADS = (
    Workload("one image, JSON", 1, binary=False),
    Workload("one image, binary", 1, binary=True),
    Workload(f"{BATCH_SIZE} images, JSON", BATCH_SIZE, binary=False),
    Workload(f"{BATCH_SIZE} images, binary", BATCH_SIZE, binary=True),
)


@dataclass(frozen=True)
class Problem:
    """The model, images uint8 (256, 28, 28, 1), and onnxruntime's predictions float32 (256, 10)."""

    model: PublishedModel
    images: np.ndarray
    probabilities: np.ndarray

    def requests(self, workload: Workload) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the images and the expected predictions of every request."""
        for first in range(0, workload.num_requests * workload.batch_size, workload.batch_size):
            part = slice(first, first + workload.batch_size)
            yield self.images[part], self.probabilities[part]


def read_problem(folder: Path) -> Problem:
    """Return the default version of ``exported/<name>``, and test images with its predictions."""
    model = find_published(folder.absolute())
    images = np.load(write_digits() / "test_images.npy")[: NUM_BATCHES * BATCH_SIZE]
    session = onnxruntime.InferenceSession(model.path / "model.onnx")
    return Problem(model, images, session.run(["probabilities"], {"image": images})[0])


def require_correct_predictions(server: Server, port: int, problem: Problem) -> None:
    """Check that a server returns onnxruntime's predictions for all requests of the workloads.

    Raises:
        WrongPredictions: a response differs or failed.
    """
    connection = connect(port)
    for workload in WORKLOADS:
        protocol = workload.protocol(server)
        if protocol is None:
            continue
        for images, expected in problem.requests(workload):
            response = protocol.write(problem.model.name, images).send(connection)
            got = mismatch(response, protocol, expected)
            if got:
                raise WrongPredictions(
                    f"{server.title} must predict as onnxruntime does within {TOLERANCE}; got "
                    f"{got} for {workload.name}. See the log of {server.name}."
                )
    connection.close()


def mismatch(response: Response, protocol: Protocol, expected: np.ndarray) -> str | None:
    """Return the problem with a response, or None."""
    if response.status != _OK:
        return f"status {response.status}, {response.body[:100].decode(errors='replace')!r}"
    try:
        found = protocol.read(response)
    except (KeyError, TypeError, ValueError) as error:
        return f"an unreadable response ({error!r})"
    if found.shape != expected.shape:
        return f"the shape {found.shape}"
    difference = float(np.abs(found - expected).max())
    return None if difference <= TOLERANCE else f"a difference of {difference:.1e}"
