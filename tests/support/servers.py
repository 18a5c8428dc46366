"""Running a real server in a separate process, on ports that the system chooses."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.paths import PROJECT
from tests.support.processes import wait_until

_START_SECONDS = 60  # enough for a slow machine; the benchmark measures the startup time


@dataclass(frozen=True)
class Server:
    """A running server; ``log`` is its standard error."""

    url: str
    grpc: str | None
    process: subprocess.Popen[str]
    log: Path
    verify: str | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=30, verify=self.verify, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=30, verify=self.verify, **options)

    def predict(self, document: Any, model: str = "smoke") -> requests.Response:
        return self.post(f"/v1/models/{model}:predict", json=document)

    def events(self) -> list[dict[str, Any]]:
        *whole, _ = self.log.read_text().split("\n")  # the last line may be incomplete
        return [json.loads(line) for line in whole]

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 40) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def serving(
    workspace: Path,
    *arguments: object,
    log: Path,
    wait: bool = True,
    verify: Path | None = None,
    python: Path = Path(sys.executable),
    own_group: bool = False,
    project: Path = PROJECT,
    **environment: str,
) -> Iterator[Server]:
    """Start ``pipeline serve`` as a user does, and stop it at the end of the block.

    ``project`` is the folder of the package.
    """
    command = [str(python), "-m", "pipeline", "serve", "--json", "-C", str(workspace)]
    if "--port" not in arguments:
        command += ["--port", "0"]
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=project,
            process_group=0 if own_group else None,
            env={**os.environ, **environment},
        )
    try:
        server = _started(process, log, verify)
        if wait:
            wait_until(lambda: _is_ready(server))
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # SIGTERM would drain first
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.stdout
        process.stdout.close()


def start_for_people(workspace: Path) -> subprocess.Popen[str]:
    """Start a server with output for people, which the test reads; the test must stop it."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "serve", "-C", workspace, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )


def host_and_port(server: Server) -> tuple[str, int]:
    """Return the host and the HTTP port, for plain sockets."""
    host, port = server.url.partition("://")[2].rsplit(":", 1)
    return host, int(port)


def _started(process: subprocess.Popen[str], log: Path, verify: Path | None) -> Server:
    assert process.stdout
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()
        assert line, log.read_text()
        text += line
    document = json.loads(text)
    url = document["url"].rstrip("/").replace("0.0.0.0", "127.0.0.1")
    return Server(url, document["grpc"], process, log, str(verify) if verify else None)


def _is_ready(server: Server) -> bool:
    return server.get("/v2/health/ready").status_code == 200
