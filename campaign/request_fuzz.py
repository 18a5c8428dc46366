"""The part ``requests``: random requests over HTTP and gRPC to a real server."""

import asyncio
import json
from pathlib import Path
from typing import Any

from benchmarks.processes import resident_bytes
from campaign.grpc_client import send_calls
from campaign.http_client import send_requests
from campaign.models import smoke_workspace
from campaign.part import Part
from campaign.results import Case, Results, Tally
from tests.support.servers import Server, host_and_port, serving

GRPC_SHARE = 0.25
CASE_REQUESTS = 5000
MAX_GROWTH = 256 * 2**20  # bytes: twice what requests in progress may take
_OPTIONS = ("--receive-seconds", 1, "--no-access-log")  # then the log has nothing but problems
_NORMAL = "Invalid HTTP request received."  # uvicorn's warning


def run(results: Results, total: int, folder: Path) -> None:
    """Send ``total`` requests in cases of 5,000, each with its number as the seed."""
    folder.mkdir(parents=True, exist_ok=True)
    names = case_names(total)
    if not results.pending(names):
        return
    workspace = smoke_workspace(folder)
    with serving(workspace, *_OPTIONS, log=folder / "requests.log") as server:
        fuzzed = FuzzedServer(server)
        results.run(names, lambda name: fuzzed.run(name, min(CASE_REQUESTS, total)))


def case_names(total: int) -> list[str]:
    """Return the names of the cases: ``http 0``, ``http 1``, ..., ``grpc 0``, ..."""
    count = max(2, round(total / CASE_REQUESTS))
    calls = max(1, round(count * GRPC_SHARE))
    return [*(f"http {n}" for n in range(count - calls)), *(f"grpc {n}" for n in range(calls))]


class FuzzedServer:
    """A server under test, with what it must keep: its answers, its log, its memory."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._logged = 0
        self._idle_bytes = resident_bytes(server.pid)
        self._answer = self._predict()

    def run(self, name: str, count: int) -> Case:
        """Send the requests of a case, and check the server afterwards."""
        tally = Tally()
        protocol, seed = name.split()
        if protocol == "http":
            asyncio.run(send_requests(host_and_port(self._server), count, int(seed), tally))
        else:
            assert self._server.grpc
            send_calls(self._server.grpc, count, int(seed), tally)
        self._check(name, tally)
        return tally.case(name, count)

    def _check(self, name: str, tally: Tally) -> None:
        if self._predict() != self._answer:
            tally.fail(f"after {name}, a valid request gets another answer")
        for line in self._new_lines():
            if is_problem(line):
                tally.fail(f"in the log during {name}: {line[:500]}")
        grown = resident_bytes(self._server.pid) - self._idle_bytes
        if grown > MAX_GROWTH:
            tally.fail(f"after {name}, the server takes {grown / 1e6:.0f} MB more than idle")

    def _predict(self) -> Any:
        response = self._server.predict({"instances": [[[[7]] * 28] * 28]})
        assert response.status_code == 200, response.text
        return response.json()

    def _new_lines(self) -> list[str]:
        *lines, _ = self._server.log.read_text(errors="replace").split("\n")
        new, self._logged = lines[self._logged :], len(lines)
        return new


def is_problem(line: str) -> bool:
    """Return whether a line of the log is anything but information or an expected warning."""
    try:
        event = json.loads(line)
    except ValueError:
        return True
    expected = event["level"] == "info" or event["message"] == _NORMAL
    return not expected or "traceback" in event


PART = Part(
    name="requests",
    tries="random requests over HTTP and gRPC: mutated heads, bodies, pictures and messages, "
    "connections that end anywhere",
    failure="a response 500 (gRPC: INTERNAL, UNKNOWN), a traceback, no answer to a complete "
    "request, a warning or an error in the log (but for uvicorn's about invalid HTTP), a wrong "
    "answer to a valid request afterwards, or 256 MB more memory than idle",
    total=1_000_000,
    minutes=25,
    run=run,
)
