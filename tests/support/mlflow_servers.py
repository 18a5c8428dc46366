"""A real MLflow server on 127.0.0.1, from ``.venv-mlflow``."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.paths import PROJECT
from tests.support.processes import wait_until

ENVIRONMENT = PROJECT / ".venv-mlflow"
PYTHON = ENVIRONMENT / "bin" / "python"
_STARTED = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:\d+) ")


@contextmanager
def mlflow_packages() -> Iterator[None]:
    """Let this process, and those that it starts, find the packages of MLflow."""
    assert PYTHON.exists(), "there is no .venv-mlflow: make .venv-mlflow/installed"
    scheme = {"base": str(ENVIRONMENT), "platbase": str(ENVIRONMENT)}
    packages = sysconfig.get_path("purelib", "venv", scheme)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, packages])
        patch.setenv("PYTHONPATH", f"{PROJECT}{os.pathsep}{packages}")
        yield


@dataclass(frozen=True)
class MlflowServer:
    """A running server; its processes are one group."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def has_started(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return _STARTED.search(self.log.read_text()) is not None

    @property
    def uri(self) -> str:
        found = _STARTED.search(self.log.read_text())
        assert found
        return found[1]

    @property
    def port(self) -> int:
        return int(self.uri.rpartition(":")[2])

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def mlflow_server(folder: Path, port: int = 0) -> Iterator[MlflowServer]:
    """Start a server with its SQLite file and its artifacts in a folder, and kill it in the end."""
    folder.mkdir(exist_ok=True)
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(PYTHON, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
                *("--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--workers", "1"),
                *("--artifacts-destination", str(folder / "artifacts")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={
                **os.environ,
                "PYTHONPATH": "",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight processes
            },
            start_new_session=True,
            cwd=folder,
        )
    server = MlflowServer(process, log)
    try:
        wait_until(lambda: server.has_started, 300)
        yield server
    finally:
        server.kill()
