"""Several workers: starting them, starting them again, passing signals on."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

from pipeline.errors import MachineError
from pipeline.serving.json_log import set_up_logging
from pipeline.serving.settings import Settings

STOPPING = (signal.SIGINT, signal.SIGTERM)
_log = logging.getLogger(__name__)
_YOUNG_SECONDS = 5  # a worker that ends sooner did not get to serving


class Supervisor:
    """Several workers that share the ports; one that ends is started again."""

    def __init__(self, settings: Settings, sock: socket.socket) -> None:
        self._settings, self._sock = settings, sock
        self._spawn: Any = multiprocessing.get_context("spawn")
        self._started: dict[SpawnProcess, float] = {}
        self._signals, self._wakeup = socket.socketpair()  # a byte for each signal: its number
        self._wakeup.setblocking(False)

    def run(self) -> None:
        """Keep workers running until SIGINT or SIGTERM, then let them leave.

        Raises:
            MachineError: a worker ended as soon as it started.
        """
        json_log = set_up_logging()
        resource_tracker.ensure_running()  # its start would unblock signals, in _start
        previous = {number: signal.signal(number, lambda *_: None) for number in STOPPING}
        signal.set_wakeup_fd(self._wakeup.fileno())
        number: int = signal.SIGTERM
        try:
            number = self._run_until_signal()
        finally:
            self._end(number)
            signal.set_wakeup_fd(-1)
            for stopping, handler in previous.items():
                signal.signal(stopping, handler)
            self._signals.close()
            self._wakeup.close()
            json_log.close()

    def _run_until_signal(self) -> int:
        while True:
            while len(self._started) < self._settings.workers:
                self._started[self._start()] = time.monotonic()
            if (number := self._wait()) is not None:
                return number
            for process in [process for process in self._started if not process.is_alive()]:
                _require_served(process, time.monotonic() - self._started.pop(process))

    def _start(self) -> SpawnProcess:
        process: SpawnProcess = self._spawn.Process(
            target=_work, args=(self._settings, self._sock), daemon=False
        )
        # Ctrl-C reaches all of a terminal's processes; one that only starts must not die of it. It
        # inherits what is blocked, until its handlers are in place; here the signal is not lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return process

    def _wait(self, seconds: float | None = None) -> int | None:
        """Return the number of a signal; None where a worker has ended, or the time has passed."""
        sentinels = [process.sentinel for process in self._started]
        if self._signals in wait([self._signals, *sentinels], seconds):
            return self._signals.recv(1)[0]
        return None

    def _end(self, number: int | None) -> None:
        """Pass a signal on to the workers, and those that come later; kill who does not leave."""
        self._sock.close()  # first: the last to close a port resets whom it has not accepted
        limits = self._settings.limits
        seconds = limits.drain_seconds + limits.shutdown_seconds + _YOUNG_SECONDS
        until = time.monotonic() + seconds
        while running := [process for process in self._started if process.is_alive()]:
            left = until - time.monotonic()
            for process in running:
                if left <= 0:
                    process.kill()
                    process.join()
                elif number is not None:
                    assert process.pid
                    os.kill(process.pid, number)
            self._started = dict.fromkeys(running, 0.0)
            number = self._wait(max(0, left))


def _require_served(process: SpawnProcess, seconds: float) -> None:
    """Take the end of a worker that served as an accident; it is started again.

    Raises:
        MachineError: it ended as soon as it started.
    """
    _log.error("worker %s ended with exit code %s", process.pid, process.exitcode)
    if seconds < _YOUNG_SECONDS:
        raise MachineError(
            f"A worker must stay; one ended after {seconds:.1f} s with exit code "
            f"{process.exitcode}. Its lines above say why."
        )
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process.pid)  # type: ignore[no-untyped-call]


def _work(settings: Settings, sock: socket.socket) -> None:
    """What a worker does; it leaves when the process that started it is gone."""
    from pipeline.errors import PipelineError
    from pipeline.serving.worker import run_worker

    os.setpgid(0, 0)  # Ctrl-C reaches the parent alone: it closes the port, then passes it on
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        run_worker(settings, sock)
    except PipelineError as error:
        _log.error("%s", error)
        raise SystemExit(error.exit_code) from None


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
