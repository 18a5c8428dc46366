"""Run one command from start to exit code: redirected output, interrupts, error messages."""

import json
import os
import shutil
import signal
import sys
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline.errors import MachineError, PipelineError
from pipeline.system.interruption import Interruption, interruptible
from pipeline.system.resources import lacks_memory

if TYPE_CHECKING:
    from pipeline.progress import Progress

_UNEXPECTED = 3
_RESUMABLE = "Completed work is saved: run the same command again to resume."


@contextmanager
def report_errors(
    *, as_json: bool, debug: bool, handle_signals: bool = True, interrupted: str | None = None
) -> Iterator[Interruption]:
    """Print an error as one paragraph on standard error, and exit with its exit code.

    SIGINT, SIGTERM and SIGHUP are errors too, unless the command handles signals itself;
    ``interrupted`` is what the user must know then, by default that the command can be resumed.
    """
    with interruptible() if handle_signals else nullcontext(Interruption()) as interruption:
        yield from _report_errors(interruption, as_json, debug, interrupted or _RESUMABLE)


def _report_errors(
    interruption: Interruption, as_json: bool, debug: bool, interrupted: str
) -> Iterator[Interruption]:
    try:
        with explain_lack_of_memory():
            yield interruption
    except PipelineError as error:
        _fail(type(error).__name__, str(error), error.exit_code, as_json, debug)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of the output is gone, so nothing can be reported
        raise typer.Exit(128 + signal.SIGPIPE) from None  # as shells report it
    except typer.Exit:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (each ends in one paragraph)
        # Libraries may raise errors of their own on a signal, and a closed terminal raises OSError.
        if interruption.arrived or isinstance(error, KeyboardInterrupt):
            number = getattr(error, "number", interruption.number or signal.SIGINT)
            _fail_interrupted(number, interrupted, as_json)
        _fail_unexpectedly(error, as_json, debug)


@contextmanager
def explain_lack_of_memory() -> Iterator[None]:
    """Turn the errors for it, of which each library has its own, into one clear error.

    Raises:
        MachineError: there is not enough memory.
    """
    try:
        yield
    except Exception as error:
        if not lacks_memory(error):
            raise
        raise MachineError(
            "There is not enough memory for this command. Close other programs, raise the limit of "
            "this shell or container (ulimit -v), or use a smaller model, data set or file. "
            "Completed work is saved."
        ) from error


@contextmanager
def show_progress(
    interruption: Interruption, log: Path | None, *, debug: bool, quiet: bool = False
) -> Iterator["Progress"]:
    """Yield the progress of a command that loads heavy libraries, whose output goes to a log."""
    from pipeline.terminal.console import TerminalProgress, library_output
    from pipeline.terminal.layout import OutputConsole

    shown = nullcontext(OutputConsole(stderr=True, highlight=False))
    with shown if debug else library_output(log) as console:
        yield TerminalProgress(console, interruption, quiet=quiet)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(document, indent=2, allow_nan=False), flush=True)


def print_error(error: PipelineError) -> int:
    """Print an error that a JSON document also contains, and return its exit code."""
    print(_wrapped(f"Error: {error}"), file=sys.stderr)
    return error.exit_code


def _fail_interrupted(number: int, sentence: str, as_json: bool) -> None:
    by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
    text = f"Interrupted{by}. {sentence}"
    try:
        _fail("Interrupted", text, 128 + number, as_json, debug=False)  # as shells report it
    except OSError:  # the terminal was closed
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)  # Python would try again at exit
        raise typer.Exit(128 + number) from None


def _fail_unexpectedly(error: BaseException, as_json: bool, debug: bool) -> None:
    if isinstance(error, OSError):
        text = f"Cannot read or write {error.filename or 'the output'}: {error.strerror}."
        if error.filename is None:  # standard output itself: it cannot take a document
            as_json = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try again at exit
    else:  # users see no traceback
        text = (
            f"Internal error (this is a bug): {type(error).__name__}: {error}. "
            "Run again with --debug and report the traceback."
        )
    _fail(type(error).__name__, text, _UNEXPECTED, as_json, debug)


def _fail(kind: str, text: str, code: int, as_json: bool, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    if as_json:
        print_json({"error": {"type": kind, "message": text, "exit_code": code}})
    print(_wrapped(f"Error: {text}"), file=sys.stderr)
    raise typer.Exit(code)


def _wrapped(text: str) -> str:
    """Return a message wrapped between words if standard error is a terminal."""
    if not sys.stderr.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.splitlines()
    )
