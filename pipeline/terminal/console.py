"""Progress on the terminal: a list of stages and a bar, or plain lines without a terminal."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from pipeline.progress import Progress, Task, TrainingCost
from pipeline.system.interruption import Interruption

_QUIET_SECONDS = 2.0  # without a terminal, shorter tasks print no line
_LINE_SECONDS = 5.0


class TerminalProgress(Progress):
    """Writes to standard error, so that standard output contains only results."""

    def __init__(
        self, console: Console | None = None, interruption: Interruption | None = None
    ) -> None:
        """``interruption`` tells whether a signal arrived, even if its exception was lost."""
        self.console = console or Console(stderr=True, highlight=False)
        self._interruption = interruption or Interruption()
        self._noticed: set[str] = set()

    def notice(self, text: str) -> None:
        """Print a message that the user must not miss, once."""
        self._interruption.check()
        if text in self._noticed:
            return
        self._noticed.add(text)
        self.console.print(f"[yellow]![/] {escape(text)}", soft_wrap=not self.console.is_terminal)

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Print one line of the stage list."""
        mark = "[green]✓[/]" if self.console.is_terminal else "-"
        time_ = "up to date" if status == "cached" else f"{seconds:.1f} s"
        self.console.print(f"{mark} {name:9} {time_:>10}  {escape(detail)}", soft_wrap=True)
        self._interruption.check()

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        """Show a bar, or without a terminal a line every few seconds."""
        if not self.console.is_terminal:
            yield _Lines(self.console, description, total)
            return
        columns = [
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", style="dim"),
        ]
        with Bars(*columns, console=self.console, transient=True) as bars:
            yield _Bar(bars, bars.add_task(description, total=total, detail=""))

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Show nothing: the bar of the training shows the same."""


class _Bar:
    def __init__(self, bars: Bars, task: int) -> None:
        self._bars, self._task = bars, task

    def update(self, completed: float, detail: str = "") -> None:
        self._bars.update(self._task, completed=completed, detail=detail)  # type: ignore[arg-type]


class _Lines:
    def __init__(self, console: Console, description: str, total: float | None) -> None:
        self._console, self._description, self._total = console, description, total
        self._last = time.monotonic() - _LINE_SECONDS + _QUIET_SECONDS
        if total is None:
            console.print(f"  {escape(description)} ...", soft_wrap=True)

    def update(self, completed: float, detail: str = "") -> None:
        if time.monotonic() - self._last < _LINE_SECONDS:
            return
        self._last = time.monotonic()
        share = f" {100 * completed / self._total:.0f} %" if self._total else ""
        self._console.print(f"  {self._description}{share}  {detail}", soft_wrap=True)


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
        yield Console(file=terminal, highlight=False)
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
