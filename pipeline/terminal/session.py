"""One command from start to exit code: where output goes, and how errors are told."""

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import typer

from pipeline.errors import PipelineError

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
    except Exception as error:  # noqa: BLE001  (no traceback reaches a user)
        text = (
            f"The pipeline must not fail like this; got {type(error).__name__}: {error}. "
            "This is a mistake in the pipeline: run again with --debug and report the traceback."
        )
        _tell(type(error).__name__, text, _UNEXPECTED, as_json, debug)


@contextmanager
def progress_shown(workspace: Path, *, debug: bool) -> Iterator[Any]:
    """Yield the progress for a command that loads heavy libraries; their output goes to a log."""
    from rich.console import Console

    from pipeline.terminal.console import TerminalProgress, library_output

    shown = nullcontext(Console(stderr=True, highlight=False))
    with shown if debug else library_output(workspace / "runs" / "libraries.log") as console:
        yield TerminalProgress(console)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(document, indent=2, allow_nan=False))


def _tell(kind: str, text: str, code: int, as_json: bool, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    if as_json:
        print_json({"error": {"type": kind, "message": text, "exit_code": code}})
    print(f"Error: {text}", file=sys.stderr)
    raise typer.Exit(code)
