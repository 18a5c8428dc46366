"""The line at the bottom of a terminal: the stage in progress, in columns that do not move.

::

    ⠙ train     ━━━━━━━━╸───────────  12 s left    104,000 images/s     3/10 epochs  loss 0.0561
    ⠙ verify    ━━━━━━╸─────────────  40 s left    8/25  model.onnx in openvino
    ⠙ train     compiling  3 s
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.text import Text

from pipeline.terminal.work import Work

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAMES_PER_SECOND = 10
_GAP = "  "
_NAME = 9  # columns of the name, as in the list of finished stages
_LEFT = len("59 min left")
_RATE = len("123,000 images/s")
_WITH_BAR, _WITH_RATE, _WITH_LONG_BAR = 60, 72, 110  # the narrowest terminals that have these


class LiveLine:
    """Shows the innermost of the tasks in progress, while there is one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage = ""
        self._works: list[Work] = []
        self._live: Live | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show that a stage is running, until the end of the block."""
        self._stage = name
        try:
            with self.work(Work(name)):
                yield
        finally:
            self._stage = ""

    @contextmanager
    def work(self, work: Work) -> Iterator[Work]:
        """Show a task until the end of the block."""
        self._works.append(work)
        try:
            if self._live is not None:
                yield work
                return
            self._live = Live(
                console=self._console,
                get_renderable=self._line,
                transient=True,
                refresh_per_second=_FRAMES_PER_SECOND,
            )
            try:
                with self._live:
                    yield work
            finally:
                self._live = None
        finally:
            self._works.remove(work)

    def _line(self) -> Text:
        works = list(self._works)  # another thread renders
        if not works:
            return Text("")
        frame = _SPINNER[int(time.monotonic() * _FRAMES_PER_SECOND) % len(_SPINNER)]
        line = Text(f"{frame} ", style="cyan", no_wrap=True, overflow="ellipsis")
        return line.append_text(line_of(works[-1], self._stage, width=self._console.width - 2))


def line_of(work: Work, stage: str, *, width: int) -> Text:
    """Return the line of a task in a stage (or in none), of whole words, for ``width`` columns."""
    name = stage or work.description
    line = Text(name.ljust(_NAME), style="default")
    if work.total:
        if width >= _WITH_BAR - 2:
            length = 24 if width >= _WITH_LONG_BAR else 8
            line.append(" ").append_text(_bar(work.share, length))
        line.append(_GAP + work.left().ljust(_LEFT))
        if width >= _WITH_RATE - 2 and work.unit and work.unit.images:
            line.append(_GAP + work.rate().rjust(_RATE), style="dim")
        most = f"{work.total:,.0f}/{work.total:,.0f} {work.unit.name if work.unit else ''}".rstrip()
        line.append(_GAP + work.count().rjust(len(most)))
        pieces = [work.detail or (work.description if stage else "")]
        pieces = pieces[0].split(_GAP)
    else:
        pieces = [work.detail or (work.description if work.description != name else "")]
        pieces = [*pieces[0].split(_GAP), work.elapsed()]
    for piece in filter(None, pieces):
        if line.cell_len + len(_GAP) + cell_len(piece) > width:
            break
        line.append(_GAP + piece, style="dim")
    return line


def _bar(share: float, length: int) -> Text:
    """Return a bar in half characters."""
    halves = int(2 * length * share)
    full, half = divmod(halves, 2)
    bar = Text("━" * full + "╸" * half, style="green")
    return bar.append("─" * (length - full - half), style="bright_black")
