"""Signals that stop a command: Ctrl-C, SIGTERM, and SIGHUP when the terminal is closed."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A signal stops the command; libraries treat it as they treat Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Interruption:
    """The first signal that arrived, if any."""

    def __init__(self) -> None:
        self.number: int | None = None

    @property
    def arrived(self) -> bool:
        """Whether a signal has arrived."""
        return self.number is not None

    def check(self) -> None:
        """Raise the exception again, in case it was lost.

        Python discards an exception raised in a destructor or in a callback from C code.

        Raises:
            Interrupted: a signal has arrived.
        """
        if self.number is not None:
            raise Interrupted(self.number)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Raise ``Interrupted`` in this block when a signal arrives."""
    interruption = Interruption()

    def stop(number: int, _frame: FrameType | None) -> None:
        # The shell and the kernel may both report that a terminal was closed: the second time must
        # not disturb the cleanup.
        if not (number == signal.SIGHUP and interruption.arrived):
            interruption.number = interruption.number or number
            raise Interrupted(number)

    with _handled_by(stop):
        yield interruption


@contextmanager
def deferred_interruption() -> Iterator[Interruption]:
    """Only note the first signal in this block; the second one raises ``Interrupted``."""
    interruption = Interruption()

    def note(number: int, _frame: FrameType | None) -> None:
        if not interruption.arrived:
            interruption.number = number
        elif number != signal.SIGHUP:
            raise Interrupted(number)

    with _handled_by(note):
        yield interruption


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle Ctrl-C, and the other signals unless they are ignored (``nohup``) or handled already.

    A program that uses the Python API may have handlers of its own for these.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals
        return
    previous = {number: signal.getsignal(number) for number in _STOP}
    handled = [number for number in _STOP if _may_handle(number, previous[number])]
    try:
        for number in handled:
            signal.signal(number, handler)
        yield
    finally:
        for number in handled:
            signal.signal(number, previous[number])


def _may_handle(number: int, previous: object) -> bool:
    is_ours = getattr(previous, "__module__", None) == __name__
    return number == signal.SIGINT or previous is signal.SIG_DFL or is_ours


@contextmanager
def same_sigterm_handler() -> Iterator[None]:
    """Undo that a library, such as Ray or TensorFlow, replaces the handler of SIGTERM."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
