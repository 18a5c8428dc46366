"""Starting and ending the server: its ports, its workers, and what it says meanwhile."""

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from pipeline.errors import MachineError
from pipeline.serving.json_log import set_up_logging
from pipeline.serving.ports import drop_newcomers, open_ports
from pipeline.serving.settings import Settings

_log = logging.getLogger(__name__)
_YOUNG_SECONDS = 5  # a worker that ends sooner did not get to serving
_STOPPING = (signal.SIGINT, signal.SIGTERM)


def serve(settings: Settings, on_open: Callable[[Settings], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``on_open`` is told the ports once they are open.

    Raises:
        MachineError: a port cannot be opened, or workers end as soon as they start.
    """
    for number in _STOPPING:  # until a worker takes them over
        signal.signal(number, _leave_early)
    settings, sock, keeper = open_ports(settings)
    try:
        on_open(settings)
        if settings.workers == 1:
            from pipeline.serving.worker import run_worker

            run_worker(settings, sock)
        else:
            with tempfile.TemporaryDirectory(prefix="pipeline-metrics-") as folder:
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
                _Workers(settings, sock).run()
    finally:
        sock.close()
        if keeper:
            keeper.close()


def _leave_early(_signal: int, _frame: Any) -> None:
    raise SystemExit(0)


class _Workers:
    """Several workers that share the ports; one that ends is started again."""

    def __init__(self, settings: Settings, sock: socket.socket) -> None:
        self._settings, self._sock = settings, sock
        self._spawn: Any = multiprocessing.get_context("spawn")
        self._leaving = False

    def run(self) -> None:
        json_log = set_up_logging()
        resource_tracker.ensure_running()  # its start would unblock signals, in _start
        previous = {number: signal.signal(number, self._leave) for number in _STOPPING}
        started: dict[SpawnProcess, float] = {}
        try:
            while not self._leaving:
                while len(started) < self._settings.workers:
                    started[self._start()] = time.monotonic()
                wait([process.sentinel for process in started], timeout=0.5)
                for process in [process for process in started if not process.is_alive()]:
                    self._ended(process, time.monotonic() - started.pop(process))
        finally:
            self._end(list(started))
            json_log.close()
            for number, handler in previous.items():
                signal.signal(number, handler)

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

    def _leave(self, _signal: int, _frame: Any) -> None:
        drop_newcomers(self._sock)  # at once: a signal to the whole group has reached workers too
        self._leaving = True

    def _ended(self, process: SpawnProcess, seconds: float) -> None:
        if self._leaving:
            return
        _log.error("worker %s ended with exit code %s", process.pid, process.exitcode)
        if seconds < _YOUNG_SECONDS:
            raise MachineError(
                f"A worker must stay; one ended after {seconds:.1f} s with exit code "
                f"{process.exitcode}. Its lines above say why."
            )
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(process.pid)  # type: ignore[no-untyped-call]

    def _end(self, processes: list[SpawnProcess]) -> None:
        self._sock.close()  # the last worker's is the last: who comes after it is refused
        for process in processes:
            process.terminate()
        until = time.monotonic() + self._settings.limits.shutdown_seconds + _YOUNG_SECONDS
        for process in processes:
            process.join(max(0, until - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


def _work(settings: Settings, sock: socket.socket) -> None:
    """What a worker does; it leaves when the process that started it is gone."""
    from pipeline.errors import PipelineError
    from pipeline.serving.worker import run_worker

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


def served_folders(models: list[str], exported: Path) -> tuple[Path, ...]:
    """Return the folders of models given by their name, or by their path.

    Raises:
        ModelError: one is neither.
    """
    from pipeline.publishing.published import find_published

    folders = []
    for model in models:
        folder = exported / model if (exported / model).is_dir() else Path(model)
        find_published(folder)
        folders.append(folder)
    return tuple(folders)
