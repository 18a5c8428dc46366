"""Run the command line in a pseudo-terminal, and see what an emulator of a terminal shows."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

import pyte

from tests.support.paths import PROJECT

_LINES = 60
_HISTORY = 2_000


@dataclass(frozen=True)
class Shown:
    """What was on the screen: the lines at the end, and the last line after each change."""

    code: int
    lines: list[str]
    live: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def in_terminal(*arguments: object, columns: int, **environment: str) -> Shown:
    """Run the command line in a terminal of this width, as a user does."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, columns, 0, 0))
    inherited = {name: os.environ[name] for name in os.environ if name not in {"COLUMNS", "LINES"}}
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=PROJECT,
        env={**inherited, "TERM": "xterm-256color", **environment},
    ) as process:
        os.close(slave)
        screen = pyte.HistoryScreen(columns, _LINES, history=_HISTORY)
        live = _show(master, screen)
    os.close(master)
    scrolled = ["".join(line[x].data for x in range(columns)) for line in screen.history.top]
    lines = [line.rstrip() for line in (*scrolled, *screen.display)]
    return Shown(process.returncode, [line for line in lines if line], live)


def _show(master: int, screen: pyte.HistoryScreen) -> list[str]:
    """Show the output until its end; return the last line after each part of it."""
    stream, live = pyte.ByteStream(screen), [""]
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other end is closed
            return live
        if not part:
            return live
        stream.feed(part)
        last = next((line.rstrip() for line in reversed(screen.display) if line.strip()), "")
        if last != live[-1]:
            live.append(last)
