"""The servers: how each is started and stopped, when it is ready, and which protocols it has."""

import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from benchmarks.machine import OURS, PEERS, PROJECT, python_of
from benchmarks.messages import HOST, V1, V2_BINARY, V2_JSON, Protocol, connect
from benchmarks.processes import members, processor_seconds, resident_bytes
from pipeline.publishing.published_folder import PublishedModel
from pipeline.runtimes.telemetry import NO_TELEMETRY

UNBATCHED = "unbatched"
READY_SECONDS, STOP_SECONDS, POLL_SECONDS = 60, 15, 0.01


@dataclass(frozen=True)
class Server:
    """A server; ``rows`` is its JSON protocol, ``tensors`` its binary protocol if it has one."""

    name: str
    title: str
    ready_path: str
    rows: Protocol = V1
    tensors: Protocol | None = None

    def command(self, model: PublishedModel, port: int) -> list[str]:
        """Return the command that starts it with one worker."""
        if self.name in {OURS, UNBATCHED}:
            pipeline = Path(sys.executable).parent / "pipeline"
            workspace = str(model.path.parents[2])
            options = ["--max-batch", "1"] if self.name == UNBATCHED else []
            return [
                str(pipeline),
                "serve",
                "-C",
                workspace,
                "--port",
                str(port),
                "--no-grpc",
                *options,
            ]
        script = PEERS / f"serve_{self.name}.py"
        file = str(model.path / "model.onnx")
        return [str(python_of(self.name)), str(script), file, model.name, str(port)]

    def version(self) -> str:
        """Return the version that its environment pins."""
        if self.name in {OURS, UNBATCHED}:
            return f"This project on uvicorn {importlib.metadata.version('uvicorn')}"
        pins = (PROJECT / "benchmarks" / "environments" / f"{self.name}.txt").read_text()
        found = dict(line.split("==") for line in pins.splitlines())
        return f"{self.title} {found[self.name]}"


SERVERS = {
    server.name: server
    for server in (
        Server(OURS, "this project", "/v2/health/ready", tensors=V2_BINARY),
        Server(UNBATCHED, "this project, --max-batch 1", "/v2/health/ready", tensors=V2_BINARY),
        Server("kserve", "KServe", "/v2/health/ready", tensors=V2_BINARY),
        Server("litserve", "LitServe", "/health"),
        # MLServer reports that all its models are ready before it has one.
        Server("mlserver", "MLServer", "/v2/models/{name}/ready", rows=V2_JSON),
        Server("fastapi", "FastAPI", "/health"),
    )
}


class ServerFailed(Exception):
    """A server exited or did not become ready; the message is for users."""


@dataclass(frozen=True)
class Running:
    """A ready server; ``seconds_to_ready`` is counted from the start of its process."""

    pid: int
    port: int
    seconds_to_ready: float

    def resident_bytes(self) -> int:
        """Return the resident memory of all its processes; shared memory counts repeatedly."""
        return sum(resident_bytes(pid) for pid in members(self.pid))

    def processor_seconds(self) -> float:
        """Return the processor time of all its processes."""
        return sum(processor_seconds(pid) for pid in members(self.pid))


@contextmanager
def running(server: Server, model: PublishedModel, log: Path) -> Iterator[Running]:
    """Run a server within the block, and stop all its processes afterwards.

    Raises:
        ServerFailed: it did not become ready.
    """
    port = free_port()
    started = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(
            server.command(model, port),
            stdout=file,
            stderr=file,
            cwd=log.parent,
            env={**os.environ, **NO_TELEMETRY, "PYTHONPATH": str(PROJECT)},
            start_new_session=True,
        )
    try:
        _wait_until_ready(server, process, port, server.ready_path.format(name=model.name), log)
        yield Running(process.pid, port, time.perf_counter() - started)
    finally:
        _stop(process)


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port


def _wait_until_ready(
    server: Server, process: subprocess.Popen[bytes], port: int, path: str, log: Path
) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _is_ready(port, path):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerFailed(
                f"{server.title} did not become ready at {path} within {READY_SECONDS} s. The last "
                f"line of {log}: {_last_line(log)}"
            )
        time.sleep(POLL_SECONDS)


def _is_ready(port: int, path: str) -> bool:
    connection = connect(port)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200  # noqa: PLR2004  (HTTP OK)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Terminate a server, and kill the rest of its session: some servers leave workers behind."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    for pid in members(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "(empty)")
