"""The processes that open files: started, given a time limit, ended with all that they started."""

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
# Of TensorFlow, OpenMP, MKL and NumPy: they count what the machine has, not what a container may.
_THREADS = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
_running: set["WorkerProcess"] = set()


class Turns:
    """Who computes together, and who alone: for several threads that each have a worker."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._free = threading.Semaphore(places)
        self._first = threading.Lock()  # one at a time collects all places

    @contextmanager
    def together(self) -> Iterator[None]:
        """Compute beside others."""
        with self._free:
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Compute once those who compute together are done, and before others begin."""
        with self._first:
            for _ in range(self._places):
                self._free.acquire()
        try:
            yield
        finally:
            self._free.release(self._places)


class WorkerProcess:
    """A worker (``runtimes.worker``) in a session of its own: what it starts ends with it."""

    def __init__(self, request: Path, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._errors = (request.parent / "errors.txt").open("w+b")
        # -P: a folder named pipeline where the user stands is not this package.
        command = [sys.executable, "-P", "-m", "pipeline.runtimes.worker", str(request)]
        self._process = subprocess.Popen(  # noqa: S603  (our own module, no shell)
            command,
            stdin=subprocess.PIPE,  # closed by the system when this process ends, however it ends
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=request.parent,
            env=_environment(),
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
        """Kill the process and all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait_for_answers(self) -> None:
        """Wait until the answers are written.

        Raises:
            ModelError: the file is no model that the runtime opens.
            WorkerFailed: the process ended by itself, or took too long.
        """
        assert self._process.stdout is not None, "it was opened with a pipe"
        ready, _, _ = select.select([self._process.stdout], [], [], self._timeout_seconds)
        if not ready:
            raise WorkerFailed(f"no answer within {self._timeout_seconds:g} s")
        if not os.read(self._process.stdout.fileno(), 1):
            self._explain()

    def measure(self) -> None:
        """Let it measure, and wait until it has.

        Raises:
            WorkerFailed: the process ended by itself, or took too long.
        """
        assert self._process.stdin is not None, "it was opened with a pipe"
        with suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), b"m")
        try:
            if self._process.wait(self._timeout_seconds):
                self._explain()
        except subprocess.TimeoutExpired as error:
            raise WorkerFailed(f"not measured within {self._timeout_seconds:g} s") from error

    def _explain(self) -> None:
        code = self._process.wait()
        if code < 0:
            raise WorkerFailed(f"its process was ended by {signal.Signals(-code).name}")
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else f"exit code {code}"
        raise ModelError(last) if code == ModelError.exit_code else WorkerFailed(last)


def end_workers() -> None:
    """End every worker of this process: the work was interrupted."""
    for worker in list(_running):
        worker.end()


def _environment() -> dict[str, str]:
    """What is relative in paths means where the user stands, not the folder of a model."""
    search = [str(_PACKAGE.parent), *_absolute("PYTHONPATH")]
    threads = dict.fromkeys(_THREADS, str(num_processors()))
    paths = {"PYTHONPATH": os.pathsep.join(search), "PATH": os.pathsep.join(_absolute("PATH"))}
    if ROOT_VARIABLE in os.environ:
        paths[ROOT_VARIABLE] = str(packages_root())
    return {**os.environ, **threads, **paths}


def _absolute(variable: str) -> list[str]:
    entries = os.environ.get(variable, "").split(os.pathsep)
    return [str(Path(entry).absolute()) for entry in entries if entry]
