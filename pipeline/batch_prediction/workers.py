"""The processes that predict parts: started, given parts, and ended with the command."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from tempfile import TemporaryFile
from typing import Any

from pipeline import errors
from pipeline.batch_prediction.schedule import Schedule
from pipeline.batch_prediction.sources import Part
from pipeline.batch_prediction.worker import Done, Request
from pipeline.errors import WorkerFailed
from pipeline.runtimes.processes import worker_environment

_MODULE = "pipeline.batch_prediction.worker"
_RESUME = "Complete parts are kept: run the same command again to resume."


@dataclass(frozen=True)
class Times:
    """How long the parts took, from the first until the last was written, without start-up.

    ``cpu_seconds`` is the processor time of each worker, ``peak_bytes`` the peak memory of the
    largest, None if unknown.
    """

    seconds: float
    cpu_seconds: tuple[float, ...]
    peak_bytes: int | None


def predict_parts(
    request: Request, schedule: Schedule, num_workers: int, on_done: Callable[[Part], None]
) -> Times:
    """Predict all parts of a schedule; ``on_done`` is called for each that was written.

    Raises:
        PipelineError: a worker cannot open the model or read the input.
        WorkerFailed: a worker ended; the message names its part.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(_started(request)) for _ in range(num_workers)]
        for worker in workers:
            worker.receive()  # it has opened the model
        selector = stack.enter_context(selectors.DefaultSelector())
        began = time.perf_counter()
        for worker in workers:
            if worker.begin(schedule.next(None)):
                selector.register(worker.output, selectors.EVENT_READ, worker)
        while selector.get_map():
            for key, _ in selector.select():
                worker = key.data
                part = worker.finish()
                on_done(part)
                if not worker.begin(schedule.next(part.number)):
                    selector.unregister(worker.output)
        seconds = time.perf_counter() - began
    peaks = [worker.peak_bytes for worker in workers if worker.peak_bytes]
    cpu_seconds = tuple(worker.cpu_seconds for worker in workers)
    return Times(seconds, cpu_seconds, max(peaks, default=None))


class _Worker:
    """A process in its own session, so that Ctrl-C reaches only the command, which ends it."""

    def __init__(self, request: Request, stderr: Any) -> None:
        self._stderr = stderr
        self._part: Part | None = None
        self.cpu_seconds = 0.0
        self.peak_bytes: int | None = None
        # -P: a folder named pipeline in the current directory is not this package.
        self.process = subprocess.Popen(  # noqa: S603  (our own module, no shell)
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,  # closed by the system however this process exits
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=worker_environment(num_threads=1),
            start_new_session=True,
        )
        self._send(json.dumps(asdict(request)).encode() + b"\n")

    @property
    def output(self) -> Any:
        """The pipe with its answers."""
        return self.process.stdout

    def begin(self, part: Part | None) -> bool:
        """Send a part; return False if there is none."""
        self._part = part
        if part is not None:
            self._send(part.as_line())
        return part is not None

    def finish(self) -> Part:
        """Return the part, once it is written."""
        done = self.receive()
        self.cpu_seconds += done.cpu_seconds
        self.peak_bytes = done.peak_bytes
        assert self._part is not None, "it was sent"
        return self._part

    def receive(self) -> Done:
        """Return what the process has done."""
        line = self.output.readline()
        if not line:
            raise self._ended()
        found = json.loads(line)
        if "error" in found:
            raise getattr(errors, found["error"])(found["text"])
        return Done(**found)

    def _send(self, line: bytes) -> None:
        assert self.process.stdin is not None, "it was opened with a pipe"
        with suppress(BrokenPipeError):  # it ended, which the next line explains
            self.process.stdin.write(line)
            self.process.stdin.flush()

    def _ended(self) -> WorkerFailed:
        code = self.process.wait()
        work = f"was predicting {self._part}" if self._part else "was opening the model"
        if code < 0:
            name = signal.Signals(-code).name
            memory = " (the system does this if memory runs out: try fewer --workers)"
            how = f"was killed by {name}{memory if name == 'SIGKILL' else ''}"
        else:
            self._stderr.seek(0)
            lines = self._stderr.read().decode(errors="replace").strip().splitlines()
            how = f"ended with {lines[-1] if lines else f'exit code {code}'}"
        return WorkerFailed(f"The process that {work} {how}. {_RESUME}")


@contextmanager
def _started(request: Request) -> Iterator[_Worker]:
    with TemporaryFile() as stderr:
        worker = _Worker(request, stderr)
        try:
            yield worker
        finally:
            if worker.process.poll() is None:
                os.killpg(worker.process.pid, signal.SIGKILL)
            worker.process.wait()
            for pipe in (worker.process.stdin, worker.process.stdout):
                with suppress(BrokenPipeError):
                    pipe.close()  # type: ignore[union-attr]
