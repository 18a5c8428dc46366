"""Clients of the soak test: threads with a ``requests`` session each, whose every answer counts."""

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import requests
from PIL import Image

from benchmarks.messages import HOST, LENGTH_OF_JSON, V1, V2_BINARY, Answer, Message, Protocol
from benchmarks.workloads import WORKLOADS, Problem, objection

NUM_CLIENTS = 8
REQUESTS_A_CONNECTION = 500  # then a client comes anew
PER_KIND = 8  # different requests of each kind
TIMEOUT_SECONDS = 30
KEPT_FAILURES = 20  # their texts; all are counted

Objection = Callable[[Answer], str | None]


@dataclass(frozen=True)
class Question:
    """A request, its kind, and what says whether an answer to it is wrong."""

    kind: str
    message: Message
    objection: Objection


@dataclass
class Tally:
    """What all clients saw together."""

    requests: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    num_failures: int = 0
    versions: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, failure: str | None, version: str | None) -> None:
        """Count one request."""
        with self._lock:
            self.requests[kind] += 1
            if version:
                self.versions.add(version)
            if failure:
                self.num_failures += 1
                self.failures += [f"{kind}: {failure}"][: KEPT_FAILURES - len(self.failures)]


def questions(problem: Problem) -> list[Question]:
    """Return requests of all kinds, in turns."""
    kinds = [list(_tensors(problem, i)) for i in range(len(WORKLOADS))] + [list(_pictures(problem))]
    return [question for turn in zip(*kinds, strict=True) for question in turn]


@contextmanager
def asking(asked: list[Question], port: int) -> Iterator[Tally]:
    """Keep all clients asking until the block ends."""
    tally, stop = Tally(), threading.Event()
    clients = [
        threading.Thread(target=_ask, args=(asked[i:] + asked[:i], port, tally, stop))
        for i in range(NUM_CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        yield tally
    finally:
        stop.set()
        for client in clients:
            client.join()


def _tensors(problem: Problem, place: int) -> Iterator[Question]:
    workload = WORKLOADS[place]
    protocol = V2_BINARY if workload.binary else V1
    for images, expected in islice(problem.requests(workload), PER_KIND):
        message = protocol.write(problem.model.name, images)
        yield Question(workload.name, message, _demand(protocol, expected))


def _demand(protocol: Protocol, expected: np.ndarray) -> Objection:
    return lambda answer: objection(answer, protocol, expected)


def _pictures(problem: Problem) -> Iterator[Question]:
    for pixels in problem.images[:PER_KIND, :, :, 0]:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        path, headers = (
            f"/v1/models/{problem.model.name}:classify-image",
            {"Content-Type": "image/png"},
        )
        yield Question("a PNG", Message(path, headers, file.getvalue()), _require_success)


def _require_success(answer: Answer) -> str | None:
    return None if answer.status == requests.codes.ok else f"status {answer.status}"


def _ask(asked: list[Question], port: int, tally: Tally, stop: threading.Event) -> None:
    while not stop.is_set():
        with requests.Session() as session:
            session.trust_env = False  # no proxy of the environment for this machine
            for number in range(REQUESTS_A_CONNECTION):
                if stop.is_set():
                    return
                question = asked[number % len(asked)]
                tally.add(question.kind, *_outcome(session, question, port))


def _outcome(
    session: requests.Session, question: Question, port: int
) -> tuple[str | None, str | None]:
    """Return what went wrong, and the version that answered where the answer tells."""
    url, message = f"http://{HOST}:{port}{question.message.path}", question.message
    try:
        response = session.post(
            url, data=message.body, headers=message.headers, timeout=TIMEOUT_SECONDS
        )
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(response.status_code, headers, response.content)
        return question.objection(answer), _version(answer)
    except Exception as error:  # noqa: BLE001  (whatever it is, the request failed)
        return f"{type(error).__name__}: {error}"[:200], None


def _version(answer: Answer) -> str | None:
    length = answer.headers.get(LENGTH_OF_JSON.lower())
    return json.loads(answer.body[: int(length)]).get("model_version") if length else None
