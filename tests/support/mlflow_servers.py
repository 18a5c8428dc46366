"""A real MLflow server on 127.0.0.1, from ``.venv-mlflow``."""

import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import PROJECT
from tests.support.processes import wait_until

ENVIRONMENT = PROJECT / ".venv-mlflow"
PYTHON = ENVIRONMENT / "bin" / "python"


@dataclass(frozen=True)
class MlflowServer:
    """A running server; its processes are one group."""

    uri: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[MlflowServer]:
    """Start a server with its SQLite file and its artifacts in a folder, and kill it in the end."""
    folder.mkdir(exist_ok=True)
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(PYTHON, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
                *("--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--workers", "1"),
                *("--artifacts-destination", str(folder / "artifacts")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight processes
            },
            start_new_session=True,
            cwd=folder,
        )
    server = MlflowServer(f"http://127.0.0.1:{port}", process)
    try:
        wait_until(lambda: _is_ready(server), 180)
        yield server
    finally:
        server.kill()


def _is_ready(server: MlflowServer) -> bool:
    assert server.process.poll() is None, "the server ended"
    try:
        with urllib.request.urlopen(f"{server.uri}/health", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False
