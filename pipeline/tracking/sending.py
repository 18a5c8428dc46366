"""The process that sends a journal: started by a run, or by ``pipeline track sync``."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from pipeline.errors import MissingExtra
from pipeline.runtimes.telemetry import NO_TELEMETRY
from pipeline.tracking.journal import Journal

END_SECONDS = 30  # for the rest of the journal, once the run has ended
_PACKAGES = ("mlflow", "pandas", "sqlalchemy", "onnx")  # mlflow-skinny lacks two of them
# Nothing is sent anywhere but to the URI; a server that does not answer is given up soon.
_ENVIRONMENT = {
    **NO_TELEMETRY,  # MLflow imports onnxruntime to check a model
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
_RUN_TIMEOUT, _SYNC_TIMEOUT = 3, 30  # seconds for one request


class Sender:
    """A process that sends a journal while it grows; it ends when its input is closed."""

    def __init__(self, journal: Journal, workspace: Path) -> None:
        self._process = _start(journal, workspace, _RUN_TIMEOUT, subprocess.PIPE)

    def finish(self) -> bool:
        """Wait until the rest is sent or an attempt fails; return False if it takes too long."""
        self._close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """End the process at once; what it was sending is sent again later."""
        self._process.kill()
        self._close()
        self._process.wait()

    def _close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()


def require_mlflow(what: str) -> None:
    """Check that MLflow is installed, without importing it.

    Raises:
        MissingExtra: a package of the extra ``mlflow`` is missing.
    """
    if not all(importlib.util.find_spec(package) for package in _PACKAGES):
        raise MissingExtra(what, "mlflow")


def send(journal: Journal, workspace: Path) -> None:
    """Send what was not sent, and return when it is sent or an attempt has failed."""
    process = _start(journal, workspace, _SYNC_TIMEOUT, subprocess.DEVNULL)
    try:
        process.wait()
    finally:
        process.kill()
        process.wait()


def _start(journal: Journal, workspace: Path, seconds: int, stdin: int) -> subprocess.Popen[bytes]:
    """Start the process in a session of its own: Ctrl-C is for the run."""
    arguments = [str(workspace.absolute()), str(journal.path.absolute())]
    with journal.path.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603  (this Python)
            [sys.executable, "-m", "pipeline.tracking.sender", *arguments],
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **_ENVIRONMENT, "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds)},
            start_new_session=True,
        )
