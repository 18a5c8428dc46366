"""What servers are asked: real digits, alone and in batches, with the answers they must give."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.machine import write_digits
from benchmarks.messages import Answer, Protocol, connect
from benchmarks.servers import Server
from pipeline.publishing.published_folder import PublishedModel, find_published

BATCH_SIZE = 32
NUM_SINGLES, NUM_BATCHES = 32, 8  # different requests, sent in turns
TOLERANCE = 1e-5  # float32 survives JSON; batches of another size are summed in another order
_OK = 200


class WrongAnswer(Exception):
    """A server did not answer as the model does; the text is a sentence."""


@dataclass(frozen=True)
class Workload:
    """Requests of one size, as JSON or binary."""

    name: str
    batch_size: int
    binary: bool

    @property
    def num_requests(self) -> int:
        """How many different requests there are."""
        return NUM_SINGLES if self.batch_size == 1 else NUM_BATCHES

    def protocol(self, server: Server) -> Protocol | None:
        """How a server takes them; None where it does not."""
        return server.tensors if self.binary else server.rows


WORKLOADS = (
    Workload("one image, JSON", 1, binary=False),
    Workload("one image, binary", 1, binary=True),
    Workload(f"{BATCH_SIZE} images, JSON", BATCH_SIZE, binary=False),
    Workload(f"{BATCH_SIZE} images, binary", BATCH_SIZE, binary=True),
)


@dataclass(frozen=True)
class Problem:
    """The model, images uint8 (256, 28, 28, 1), and what onnxruntime answers: float32 (256, 10)."""

    model: PublishedModel
    images: np.ndarray
    probabilities: np.ndarray

    def requests(self, workload: Workload) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the images of every request, and the answer to it."""
        for first in range(0, workload.num_requests * workload.batch_size, workload.batch_size):
            part = slice(first, first + workload.batch_size)
            yield self.images[part], self.probabilities[part]


def read_problem(folder: Path) -> Problem:
    """Return the version of ``exported/<name>`` that counts, and test images with its answers."""
    model = find_published(folder.absolute())
    images = np.load(write_digits() / "test_images.npy")[: NUM_BATCHES * BATCH_SIZE]
    session = onnxruntime.InferenceSession(model.path / "model.onnx")
    return Problem(model, images, session.run(["probabilities"], {"image": images})[0])


def require_right_answers(server: Server, port: int, problem: Problem) -> None:
    """Demand onnxruntime's own answers to all requests that will be sent.

    Raises:
        WrongAnswer: one is another, or none.
    """
    connection = connect(port)
    for workload in WORKLOADS:
        protocol = workload.protocol(server)
        for images, expected in problem.requests(workload) if protocol else ():
            answer = protocol.write(problem.model.name, images).send(connection)
            got = objection(answer, protocol, expected)
            if got:
                raise WrongAnswer(
                    f"{server.title} must answer as onnxruntime does within {TOLERANCE}; got "
                    f"{got} for {workload.name}. Read the log of {server.name}."
                )
    connection.close()


def objection(answer: Answer, protocol: Protocol, expected: np.ndarray) -> str | None:
    """Return what is wrong with an answer, or None."""
    if answer.status != _OK:
        return f"status {answer.status}, {answer.body[:100].decode(errors='replace')!r}"
    try:
        found = protocol.read(answer)
    except (KeyError, TypeError, ValueError) as error:
        return f"an answer that cannot be read ({error!r})"
    if found.shape != expected.shape:
        return f"the shape {found.shape}"
    difference = float(np.abs(found - expected).max())
    return None if difference <= TOLERANCE else f"a difference of {difference:.1e}"
