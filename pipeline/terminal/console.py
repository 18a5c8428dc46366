"""Progress on the terminal: a list of stages and a live line, or plain lines elsewhere."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO
from weakref import finalize

from rich.console import Console
from rich.markup import escape

from pipeline.progress import Progress, Task, TrainingCost, Unit
from pipeline.system.interruption import Interruption
from pipeline.terminal.layout import OutputConsole, print_wrapped
from pipeline.terminal.live_line import LiveLine
from pipeline.terminal.work import Work

_QUIET_SECONDS = 2.0  # without a terminal, shorter tasks print no line
_LINE_SECONDS = 5.0


class TerminalProgress(Progress):
    """Writes to standard error, so that standard output contains only results."""

    def __init__(
        self,
        console: Console | None = None,
        interruption: Interruption | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        """``interruption`` tells whether a signal arrived, even if its exception was lost.

        With ``quiet``, only messages are shown that the user must not miss.
        """
        self.console = console or OutputConsole(
            file=self._own_standard_error(),
            highlight=False,
            force_jupyter=False,  # else each line is an output of its own
        )
        self._interruption = interruption or Interruption()
        self._quiet = quiet
        self._noticed: set[str] = set()
        self._live_line = LiveLine(self.console)

    def notice(self, text: str) -> None:
        """Print a message that the user must not miss, once."""
        self._interruption.check()
        if text in self._noticed:
            return
        self._noticed.add(text)
        print_wrapped(self.console, f"[yellow]![/] {escape(text)}", indent=2)

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Print one line of the stage list."""
        if not self._quiet:
            mark = "[green]✓[/]" if self.console.is_terminal else "-"
            time_ = "up to date" if status == "cached" else f"{seconds:.1f} s"
            line = f"{mark} {name:9} {time_:>10}  {escape(detail)}"
            print_wrapped(self.console, line, indent=24)
        self._interruption.check()

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Show on a terminal that a stage is running."""
        return self._live_line.stage(name) if self._is_live else nullcontext()

    @contextmanager
    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> Iterator[Task]:
        """Show a task in the live line, or without a terminal a line every few seconds."""
        work = Work(description, total, unit)
        if self._is_live:
            with self._live_line.work(work):
                yield work
        elif self._quiet:
            yield work
        else:
            yield _Lines(self.console, work)

    def _own_standard_error(self) -> TextIO:
        """Return standard error, as a copy that stays open while its descriptor is redirected."""
        if not isinstance(sys.stderr, TextIOWrapper):
            return sys.stderr  # a notebook's: its descriptor belongs to the server's terminal
        try:
            descriptor = os.dup(sys.stderr.fileno())
        except (OSError, ValueError):  # a test's own stream
            return sys.stderr
        encoding = sys.stderr.encoding
        copy = os.fdopen(descriptor, "w", encoding=encoding, errors="backslashreplace")
        finalize(self, copy.close)
        return copy

    @property
    def _is_live(self) -> bool:
        return self.console.is_terminal and not self._quiet

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Show nothing: the line of the training shows the same."""


class _Lines:
    """Prints how far a task is, every few seconds."""

    def __init__(self, console: Console, work: Work) -> None:
        self._console, self._work = console, work
        self._last = time.monotonic() - _LINE_SECONDS + _QUIET_SECONDS
        if work.total is None:
            console.print(f"  {escape(work.description)} ...", soft_wrap=True)

    def update(self, completed: float, detail: str = "") -> None:
        work = self._work
        work.update(completed, detail)
        if time.monotonic() - self._last < _LINE_SECONDS:
            return
        self._last = time.monotonic()
        shown = filter(None, (work.description, work.count(), work.left(), work.rate(), detail))
        self._console.print(f"  {escape('  '.join(shown))}", soft_wrap=True)


@contextmanager
def library_output(log: Path | None) -> Iterator[Console]:
    """Redirect the output of libraries to a file, and yield a console for the user.

    Without a file, the output is discarded. TensorFlow's C++ code writes directly to the file
    descriptors, before any setting in Python can prevent it.
    """
    saved_out, saved_err = os.dup(1), os.dup(2)
    terminal = os.fdopen(os.dup(saved_err), "w", encoding="utf-8", errors="replace")
    try:
        target = os.open(_writable(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(target, 1)
        os.dup2(target, 2)
        os.close(target)
        yield OutputConsole(file=terminal, highlight=False)
    finally:
        os.dup2(saved_out, 1)
        os.dup2(saved_err, 2)
        for descriptor in (saved_out, saved_err):
            os.close(descriptor)
        terminal.close()


def _writable(log: Path | None) -> str:
    if log is None:
        return os.devnull
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
    except OSError:  # the run itself will report the problem with the folder
        return os.devnull
    return str(log)
