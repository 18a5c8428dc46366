"""Worker processes, which open files: a time limit each, killed with all their children."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import ModelError, WorkerFailed
from pipeline.runtimes.npm import ROOT_VARIABLE, packages_root
from pipeline.system.resources import num_processors

TIMEOUT_SECONDS = 600
_PACKAGE = Path(__file__).parent.parent
# TensorFlow, OpenMP, MKL and NumPy count the machine's processors, not those of a container.
_THREADS = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
_running: set["WorkerProcess"] = set()


class MeasurementLock:
    """Lets the workers of several threads compute concurrently, or one of them alone."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._semaphore = threading.Semaphore(slots)
        self._collecting = threading.Lock()  # only one thread at a time collects all slots

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Compute concurrently with others."""
        with self._semaphore:
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Compute alone: wait until others have finished, and block new ones."""
        with self._collecting:
            for _ in range(self._slots):
                self._semaphore.acquire()
        try:
            yield
        finally:
            self._semaphore.release(self._slots)


class WorkerProcess:
    """A worker (``runtimes.worker``) in its own session, so its children are killed with it."""

    def __init__(self, request: Path, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._errors = (request.parent / "errors.txt").open("w+b")
        # -P: a folder named pipeline in the current directory is not this package.
        command = [sys.executable, "-P", "-m", "pipeline.runtimes.worker", str(request)]
        self._process = subprocess.Popen(  # noqa: S603  (our own module, no shell)
            command,
            stdin=subprocess.PIPE,  # closed by the system however this process exits
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=request.parent,
            env=worker_environment(num_processors()),
            start_new_session=True,
        )

    def __enter__(self) -> "WorkerProcess":
        _running.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        _running.discard(self)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            with suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]

    def end(self) -> None:
        """Kill the process and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait_until_opened(self) -> None:
        """Wait until the model is opened.

        Raises:
            ModelError: the file is not a model that the runtime can open, or not an allowed one.
            WorkerFailed: the process exited early, or took too long.
        """
        self._wait("not opened")

    def wait_for_predictions(self) -> None:
        """Wait until the predictions are written.

        Raises:
            ModelError: the predictions are not those of a model that can be used.
            WorkerFailed: the process exited early, or took too long.
        """
        self._wait("no predictions")

    def predict(self) -> None:
        """Let a resident worker predict the images in its folder; see ``wait_for_predictions``."""
        self._send()
        self.wait_for_predictions()

    def measure(self) -> None:
        """Start the measurement, and wait until it is complete.

        Raises:
            WorkerFailed: the process exited early, or took too long.
        """
        self._send()
        try:
            if self._process.wait(self._timeout_seconds):
                self._explain()
        except subprocess.TimeoutExpired as error:
            raise WorkerFailed(f"no measurement within {self._timeout_seconds:g} s") from error

    def _send(self) -> None:
        assert self._process.stdin is not None, "it was opened with a pipe"
        with suppress(BrokenPipeError):  # it exited, which the next wait explains
            os.write(self._process.stdin.fileno(), b"c")

    def _wait(self, missing: str) -> None:
        assert self._process.stdout is not None, "it was opened with a pipe"
        ready, _, _ = select.select([self._process.stdout], [], [], self._timeout_seconds)
        if not ready:
            raise WorkerFailed(f"{missing} within {self._timeout_seconds:g} s")
        if not os.read(self._process.stdout.fileno(), 1):
            self._explain()

    def _explain(self) -> None:
        code = self._process.wait()
        if code < 0:
            raise WorkerFailed(f"its process was killed by {signal.Signals(-code).name}")
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else f"exit code {code}"
        raise ModelError(last) if code == ModelError.exit_code else WorkerFailed(last)


def end_workers() -> None:
    """Kill all workers of this process after an interruption."""
    for worker in list(_running):
        worker.end()


def worker_environment(num_threads: int) -> dict[str, str]:
    """Return the environment of a worker that computes with so many threads.

    Paths relative to the user's current directory are made absolute.
    """
    search = [str(_PACKAGE.parent), *_absolute("PYTHONPATH")]
    threads = dict.fromkeys(_THREADS, str(num_threads))
    paths = {"PYTHONPATH": os.pathsep.join(search), "PATH": os.pathsep.join(_absolute("PATH"))}
    if ROOT_VARIABLE in os.environ:
        paths[ROOT_VARIABLE] = str(packages_root())
    return {**os.environ, **threads, **paths}


def _absolute(variable: str) -> list[str]:
    entries = os.environ.get(variable, "").split(os.pathsep)
    return [str(Path(entry).absolute()) for entry in entries if entry]
