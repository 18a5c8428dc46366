"""Run one command from start to exit code: redirected output, interrupts, error messages."""

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from pipeline.progress import Progress

INTERRUPTED = 130  # 128 + SIGINT, as in shells
_UNEXPECTED = 3


@contextmanager
def report_errors(*, as_json: bool, debug: bool) -> Iterator[None]:
    """Print an error as one paragraph on standard error, and exit with its exit code."""
    try:
        yield
    except PipelineError as error:
        _fail(type(error).__name__, str(error), error.exit_code, as_json, debug)
    except KeyboardInterrupt:
        text = "Interrupted. Completed work is saved: run the same command again to resume."
        _fail("Interrupted", text, INTERRUPTED, as_json, debug=False)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of the output is gone, so nothing can be reported
        raise typer.Exit(128 + signal.SIGPIPE) from None  # as shells report it
    except OSError as error:
        text = f"Cannot read or write {error.filename or 'the output'}: {error.strerror}."
        if error.filename is None:  # standard output itself: it cannot take a document
            as_json = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try again at exit
        _fail(type(error).__name__, text, _UNEXPECTED, as_json, debug)
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001  (users see no traceback)
        text = (
            f"Internal error (this is a bug): {type(error).__name__}: {error}. "
            "Run again with --debug and report the traceback."
        )
        _fail(type(error).__name__, text, _UNEXPECTED, as_json, debug)


@contextmanager
def show_progress(log: Path | None, *, debug: bool) -> Iterator["Progress"]:
    """Yield the progress of a command that loads heavy libraries, whose output goes to a log."""
    from rich.console import Console

    from pipeline.terminal.console import TerminalProgress, library_output

    shown = nullcontext(Console(stderr=True, highlight=False))
    with (
        track_interrupt() as interrupted,
        shown if debug else library_output(log) as console,
    ):
        yield TerminalProgress(console, interrupted)


@contextmanager
def track_interrupt() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed.

    Python discards the exception if it is raised in a destructor or in a callback from C code.
    """
    pressed = threading.Event()

    def press(_signal: int, _frame: Any) -> None:
        pressed.set()
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, previous)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(document, indent=2, allow_nan=False), flush=True)


def print_error(error: PipelineError) -> int:
    """Print an error that a JSON document also contains, and return its exit code."""
    print(f"Error: {error}", file=sys.stderr)
    return error.exit_code


def _fail(kind: str, text: str, code: int, as_json: bool, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    if as_json:
        print_json({"error": {"type": kind, "message": text, "exit_code": code}})
    print(f"Error: {text}", file=sys.stderr)
    raise typer.Exit(code)
