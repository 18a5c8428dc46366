"""One command from start to exit code: where output goes, and how errors are told."""

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

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_UNEXPECTED = 3


@contextmanager
def errors_told(*, as_json: bool, debug: bool) -> Iterator[None]:
    """Turn an error into one paragraph on standard error and the exit code that belongs to it."""
    try:
        yield
    except PipelineError as error:
        _tell(type(error).__name__, str(error), error.exit_code, as_json, debug)
    except KeyboardInterrupt:
        text = "Interrupted. What was finished is kept: run the same command again to go on."
        _tell("Interrupted", text, INTERRUPTED, as_json, debug=False)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone; there is nobody to tell
        raise typer.Exit(1) from None
    except OSError as error:
        text = f"{error.filename or 'The output'} could not be read or written: {error.strerror}."
        if error.filename is None:  # the output itself: no document can be written there
            as_json = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try again as it ends
        _tell(type(error).__name__, text, _UNEXPECTED, as_json, debug)
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001  (no traceback reaches a user)
        text = (
            f"The pipeline must not fail like this; got {type(error).__name__}: {error}. "
            "This is a mistake in the pipeline: run again with --debug and report the traceback."
        )
        _tell(type(error).__name__, text, _UNEXPECTED, as_json, debug)


@contextmanager
def progress_shown(log: Path | None, *, debug: bool) -> Iterator["Progress"]:
    """Yield the progress for a command that loads heavy libraries; their output goes to a log."""
    from rich.console import Console

    from pipeline.terminal.console import TerminalProgress, library_output

    shown = nullcontext(Console(stderr=True, highlight=False))
    with (
        remembered_interrupt() as interrupted,
        shown if debug else library_output(log) as console,
    ):
        yield TerminalProgress(console, interrupted)


@contextmanager
def remembered_interrupt() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C was pressed.

    Python drops the exception where it meets one in a destructor or a callback of C code.
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


def tell(error: PipelineError) -> int:
    """Tell an error that a document has told already, and return its exit code."""
    print(f"Error: {error}", file=sys.stderr)
    return error.exit_code


def _tell(kind: str, text: str, code: int, as_json: bool, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    if as_json:
        print_json({"error": {"type": kind, "message": text, "exit_code": code}})
    print(f"Error: {text}", file=sys.stderr)
    raise typer.Exit(code)
