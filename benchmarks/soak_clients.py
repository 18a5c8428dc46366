"""Clients of the soak test: threads with a ``requests`` session each; all responses are checked."""

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

from benchmarks.messages import HOST, LENGTH_OF_JSON, V1, V2_BINARY, Message, Protocol, Response
from benchmarks.workloads import WORKLOADS, Problem, mismatch

NUM_CLIENTS = 8
REQUESTS_PER_CONNECTION = 500  # then the client opens a new connection
PER_KIND = 8  # different requests of each kind
TIMEOUT_SECONDS = 30
MAX_FAILURE_TEXTS = 20  # all failures are counted

Check = Callable[[Response], str | None]


@dataclass(frozen=True)
class CheckedRequest:
    """A request, its kind, and a check that returns the problem with its response."""

    kind: str
    message: Message
    check: Check


@dataclass
class Tally:
    """The counts of all clients together."""

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
                self.failures += [f"{kind}: {failure}"][: MAX_FAILURE_TEXTS - len(self.failures)]


def mixed_requests(problem: Problem) -> list[CheckedRequest]:
    """Return requests of all kinds, alternating."""
    kinds = [list(_tensors(problem, i)) for i in range(len(WORKLOADS))] + [list(_pictures(problem))]
    return [request for turn in zip(*kinds, strict=True) for request in turn]


@contextmanager
def running_clients(sequence: list[CheckedRequest], port: int) -> Iterator[Tally]:
    """Keep all clients sending requests until the block ends."""
    tally, stop = Tally(), threading.Event()
    clients = [
        threading.Thread(target=_run, args=(sequence[i:] + sequence[:i], port, tally, stop))
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


def _tensors(problem: Problem, workload_index: int) -> Iterator[CheckedRequest]:
    workload = WORKLOADS[workload_index]
    protocol = V2_BINARY if workload.binary else V1
    for images, expected in islice(problem.requests(workload), PER_KIND):
        message = protocol.write(problem.model.name, images)
        yield CheckedRequest(workload.name, message, _expect(protocol, expected))


def _expect(protocol: Protocol, expected: np.ndarray) -> Check:
    return lambda response: mismatch(response, protocol, expected)


def _pictures(problem: Problem) -> Iterator[CheckedRequest]:
    for pixels in problem.images[:PER_KIND, :, :, 0]:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        path, headers = (
            f"/v1/models/{problem.model.name}:classify-image",
            {"Content-Type": "image/png"},
        )
        yield CheckedRequest("a PNG", Message(path, headers, file.getvalue()), _expect_success)


def _expect_success(response: Response) -> str | None:
    return None if response.status == requests.codes.ok else f"status {response.status}"


def _run(sequence: list[CheckedRequest], port: int, tally: Tally, stop: threading.Event) -> None:
    while not stop.is_set():
        with requests.Session() as session:
            session.trust_env = False  # ignore proxies of the environment
            for number in range(REQUESTS_PER_CONNECTION):
                if stop.is_set():
                    return
                request = sequence[number % len(sequence)]
                tally.add(request.kind, *_outcome(session, request, port))


def _outcome(
    session: requests.Session, request: CheckedRequest, port: int
) -> tuple[str | None, str | None]:
    """Return the failure if any, and the model version if the response has it."""
    url, message = f"http://{HOST}:{port}{request.message.path}", request.message
    try:
        received = session.post(
            url, data=message.body, headers=message.headers, timeout=TIMEOUT_SECONDS
        )
        headers = {name.lower(): value for name, value in received.headers.items()}
        response = Response(received.status_code, headers, received.content)
        return request.check(response), _version(response)
    except Exception as error:  # noqa: BLE001  (any exception is a failed request)
        return f"{type(error).__name__}: {error}"[:200], None


def _version(response: Response) -> str | None:
    length = response.headers.get(LENGTH_OF_JSON.lower())
    return json.loads(response.body[: int(length)]).get("model_version") if length else None
