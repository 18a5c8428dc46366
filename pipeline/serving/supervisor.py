"""Running several workers: starting and restarting them, and forwarding signals."""

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
from multiprocessing.synchronize import Event
from typing import Any

from pipeline.errors import MachineError
from pipeline.serving.json_log import set_up_logging
from pipeline.serving.settings import Settings

STOPPING = (signal.SIGINT, signal.SIGTERM)
_log = logging.getLogger(__name__)
_STARTUP_SECONDS = 5  # a worker that exits sooner failed to start


class Supervisor:
    """Runs several workers that share the ports, and restarts those that exit."""

    def __init__(self, settings: Settings, sock: socket.socket) -> None:
        self._settings, self._sock = settings, sock
        self._spawn: Any = multiprocessing.get_context("spawn")
        self._shutting_down: Event = self._spawn.Event()
        self._started: dict[SpawnProcess, float] = {}
        self._signals, self._wakeup = socket.socketpair()  # a byte for each signal: its number
        self._wakeup.setblocking(False)

    def run(self) -> None:
        """Keep the workers running until SIGINT or SIGTERM, then shut them down.

        Raises:
            MachineError: a worker exited as soon as it started.
        """
        json_log = set_up_logging()
        resource_tracker.ensure_running()  # starting it within _start would unblock signals
        previous = {number: signal.signal(number, lambda *_: None) for number in STOPPING}
        signal.set_wakeup_fd(self._wakeup.fileno())
        number: int = signal.SIGTERM
        try:
            number = self._run_until_signal()
        finally:
            self._shut_down(number)
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
            target=_worker_main,
            args=(self._settings, self._sock, self._shutting_down),
            daemon=False,
        )
        # Ctrl-C reaches every process of a terminal, and must not kill a worker that is starting:
        # it inherits the blocked signals until its handlers are in place. In this process a blocked
        # signal is only delayed.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return process

    def _wait(self, seconds: float | None = None) -> int | None:
        """Return the number of a signal, or None if a worker has exited or the time is up."""
        sentinels = [process.sentinel for process in self._started]
        if self._signals in wait([self._signals, *sentinels], seconds):
            return self._signals.recv(1)[0]
        return None

    def _shut_down(self, number: int | None) -> None:
        """Forward this signal and later ones to the workers; kill those that exit too late."""
        # First, since the last process to close a port must be one that accepts its connections.
        self._sock.close()
        self._shutting_down.set()
        limits = self._settings.limits
        seconds = limits.drain_seconds + limits.shutdown_seconds + _STARTUP_SECONDS
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
    """Check that a worker exited after startup, so that it can be restarted.

    Raises:
        MachineError: it exited as soon as it started.
    """
    _log.error("worker %s exited with exit code %s", process.pid, process.exitcode)
    if seconds < _STARTUP_SECONDS:
        raise MachineError(
            f"A worker failed to start: it exited after {seconds:.1f} s with exit code "
            f"{process.exitcode}. See its log lines above."
        )
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process.pid)  # type: ignore[no-untyped-call]


def _worker_main(settings: Settings, sock: socket.socket, shutting_down: Event) -> None:
    """Run a worker, which exits when its parent process does."""
    from pipeline.errors import PipelineError
    from pipeline.serving.worker import run_worker

    os.setpgid(0, 0)  # only the parent receives Ctrl-C: it closes the port, then forwards it
    for number in STOPPING:  # until the server installs its own handlers
        signal.signal(number, _exit)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    parent = multiprocessing.parent_process()
    assert parent
    try:
        run_worker(settings, sock, lambda: shutting_down.is_set() or not parent.is_alive())
    except PipelineError as error:
        _log.error("%s", error)
        raise SystemExit(error.exit_code) from None


def _exit(_signal: int, _frame: Any) -> None:
    raise SystemExit(0)


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
