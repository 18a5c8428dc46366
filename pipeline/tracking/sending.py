"""The process that sends a journal: started by a run, or by ``pipeline track sync``."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from pipeline.tracking.journal import Journal

_END_SECONDS = 30  # for the rest of the journal, once the run has ended
# Nothing is sent anywhere but to the URI; a server that does not answer is given up soon.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
_RUN_TIMEOUT, _SYNC_TIMEOUT = 3, 30  # seconds for one request


class Sender:
    """A process that sends a journal while it grows; it is told the end by closing its input."""

    def __init__(self, journal: Journal, workspace: Path) -> None:
        self._process = _start(journal, workspace, _RUN_TIMEOUT, subprocess.PIPE)

    def __enter__(self) -> "Sender":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Wait for the rest to be sent; not at all if the run was interrupted."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        interrupted = kind is not None and not issubclass(kind, Exception)
        try:
            self._process.wait(0 if interrupted else _END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            self._process.wait()


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
