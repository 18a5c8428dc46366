"""Send a journal to MLflow while a run appends to it: ``python -m pipeline.tracking.sender``.

The run holds the other end of standard input: its end, however it ends, is the end of this process.
"""

import os
import select
import sys
import traceback
from pathlib import Path

from pipeline.config.tracking_uri import hide_credentials
from pipeline.errors import one_line
from pipeline.tracking.journal import Journal, State

_INTERVAL_SECONDS = 1.0
_RETRY_SECONDS = 10.0


def main(workspace: Path, journal: Journal) -> int:
    """Send until standard input is closed and all is sent, or an attempt fails after that."""
    while True:
        ended = _wait(0)
        sent = _send_pending(workspace, journal)
        if ended:
            return 0 if sent else 1
        _wait(_INTERVAL_SECONDS if sent else _RETRY_SECONDS)


def _wait(seconds: float) -> bool:
    """Return whether standard input is closed, at the latest after some seconds."""
    readable, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(readable)


def _send_pending(workspace: Path, journal: Journal) -> bool:
    with journal.locked():
        state = journal.state()
        events, end = journal.events(state.sent)
        if not events:
            return True
        try:
            from pipeline.tracking.mlflow_client import MlflowRun

            everything, _ = journal.events()
            problem = MlflowRun.of(everything, workspace).send(events)
            journal.save(State(end, problem))
        except Exception as error:  # noqa: BLE001  (MLflow has many, and all leave the rest for later)
            traceback.print_exc()
            journal.save(State(state.sent, _reason(error)))
            return False
    return True


def _reason(error: BaseException) -> str:
    """Return why an attempt failed: the error of the system, if MLflow's error is due to one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError):
            return "no answer"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno) if cause.errno > 0 else "unknown host"
        cause = cause.__cause__ or cause.__context__
    return hide_credentials(one_line(error))


if __name__ == "__main__":
    os.nice(10)  # the training comes first
    sys.exit(main(Path(sys.argv[1]), Journal(Path(sys.argv[2]))))
