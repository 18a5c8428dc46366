"""SIGINT, SIGTERM and SIGHUP end a command with a message; real signals and real processes."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.system.interruption import Interrupted, deferred_interruption, interruptible
from tests.support.processes import not_ignored, wait_until

pytestmark = pytest.mark.process

# A command that waits for a line of standard input, as others wait for a computation.
WAITING = """
import signal
import sys
from pathlib import Path
import typer
from pipeline.terminal.session import report_errors, show_progress

app = typer.Typer()

@app.command()
def main():
    with report_errors(as_json=False, debug=False) as interruption:
        with show_progress(interruption, None, debug=True) as progress:
            try:
                print("ready", flush=True)
                answer = {wait}
            {clause}
        print("done", answer.strip())

app()
"""


def script(clause: str = "finally: pass", wait: str = "sys.stdin.readline()") -> str:
    return WAITING.format(clause=clause, wait=wait)


def start(code: str, *prefix: str) -> subprocess.Popen[str]:
    """Start a command and wait until it waits."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("number", "code", "by"),
    [
        (signal.SIGINT, 130, ""),
        (signal.SIGTERM, 143, " by SIGTERM"),
        (signal.SIGHUP, 129, " by SIGHUP"),
    ],
)
def test_signal_is_reported(number: signal.Signals, code: int, by: str) -> None:
    with not_ignored(number):
        process = start(script())
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err == (
        f"Error: Interrupted{by}. Completed work is saved: run the same command again to resume.\n"
    )
    assert out == ""


@pytest.mark.parametrize("error", ["ValueError", "OSError"])
def test_errors_that_a_signal_causes_are_not_reported_as_bugs(error: str) -> None:
    """TensorFlow, for example, raises its own errors when a signal stops it."""
    process = start(script(f"finally: raise {error}('cancelled')"))
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err.startswith("Error: Interrupted by SIGTERM. ")


def test_lost_exception_is_raised_again_by_the_next_notice() -> None:
    """Python discards an exception that is raised in a destructor."""
    process = start(script("except KeyboardInterrupt: progress.notice('a notice')"))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "a notice" not in err
    assert out == ""


def test_nohup_keeps_a_command_running() -> None:
    process = start(script(), "nohup")
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate("went on\n", timeout=60)
    assert process.returncode == 0, err
    assert out == "done went on\n"


def test_training_leaves_the_handlers_of_other_programs_alone() -> None:
    """The Python API may run in a program that handles SIGTERM itself."""
    received: list[int] = []
    previous = signal.signal(signal.SIGTERM, lambda number, _frame: received.append(number))
    try:
        with deferred_interruption() as interruption:
            os.kill(os.getpid(), signal.SIGTERM)
        assert (received, interruption.arrived) == ([signal.SIGTERM], False)
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_deferred_signal_is_raised_when_asked_for() -> None:
    with interruptible(), deferred_interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.arrived
        with pytest.raises(Interrupted, match="SIGTERM"):
            interruption.check()
        with pytest.raises(KeyboardInterrupt):  # a second one is not deferred
            os.kill(os.getpid(), signal.SIGINT)


def test_closed_terminal_ends_a_command_without_a_crash(tmp_path: Path) -> None:
    """The message cannot be printed, and the cleanup cannot write to the terminal either."""
    marker = tmp_path / "cleaned"
    cleanup = f"finally: Path({str(marker)!r}).touch(); print('cleaned', flush=True)"
    code = script(cleanup, wait="signal.pause()")
    with not_ignored(signal.SIGHUP):
        process, terminal = pty.fork()
        if not process:
            os.execv(sys.executable, [sys.executable, "-c", code])  # noqa: S606
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 1024)
    os.close(terminal)
    status: list[int] = []

    def ended() -> bool:
        done, code = os.waitpid(process, os.WNOHANG)
        status.extend([code] if done else [])
        return bool(done)

    wait_until(ended)
    assert os.waitstatus_to_exitcode(status[0]) == 129
    assert marker.exists()
