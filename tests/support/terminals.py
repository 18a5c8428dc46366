"""Run the command line in a pseudo-terminal, and see what an emulator of a terminal shows."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

import pyte

from tests.support.paths import PROJECT
from tests.support.processes import wait_until

_LINES = 60
_HISTORY = 2_000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COMMAND_SECONDS = 120


class Terminal:
    """The command line in a pseudo-terminal of its own, as a user runs it."""

    def __init__(
        self, *arguments: object, columns: int, lines: int = _LINES, **environment: str
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        inherited = {n: v for n, v in os.environ.items() if n not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=PROJECT,
            env={**inherited, "TERM": "xterm-256color", **environment},
        )
        os.close(slave)
        self._written = b""

    def read(self) -> bytes:
        """Return the next part of the output, or nothing once the process has closed it."""
        try:
            part = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return b""
        self._written += part
        return part

    @property
    def raw(self) -> str:
        """Everything that was read so far; a character may be read in part."""
        return self._written.decode(errors="ignore")

    @property
    def text(self) -> str:
        """Everything that was written so far, without escapes."""
        while select.select([self._master], [], [], 0)[0] and self.read():
            pass
        return _ESCAPES.sub("", self.raw)

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.text, _COMMAND_SECONDS)

    def wait(self) -> int:
        """Wait until the process ends, and return its exit code."""
        wait_until(
            lambda: (self.text, self.process.poll())[1] is not None,
            _COMMAND_SECONDS,
        )
        return self.process.wait()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


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
    """Run the command line in a terminal of this width until it ends."""
    terminal = Terminal(*arguments, columns=columns, lines=_LINES, **environment)
    try:
        screen = pyte.HistoryScreen(columns, _LINES, history=_HISTORY)
        live = _show(terminal, screen)
        code = terminal.process.wait()
    finally:
        terminal.close()
    scrolled = ["".join(line[x].data for x in range(columns)) for line in screen.history.top]
    lines = [line.rstrip() for line in (*scrolled, *screen.display)]
    return Shown(code, [line for line in lines if line], live)


def _show(terminal: Terminal, screen: pyte.HistoryScreen) -> list[str]:
    """Show the output until its end; return the last line after each part of it."""
    stream, live = pyte.ByteStream(screen), [""]
    while part := terminal.read():
        stream.feed(part)
        last = next((line.rstrip() for line in reversed(screen.display) if line.strip()), "")
        if last != live[-1]:
            live.append(last)
    return live
