"""A predictor whose model is opened and run in another process, with limits of time and memory."""

import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.errors import WorkerFailed
from pipeline.runtimes.isolated import (
    cannot_run,
    read_contract,
    read_facts,
    request_for,
    write_request,
)
from pipeline.runtimes.limits import seconds_for
from pipeline.runtimes.predictor import CHUNK, Images, Predictor, Probabilities
from pipeline.runtimes.processes import WorkerProcess
from pipeline.runtimes.registry import Runtime, require_installed
from pipeline.runtimes.worker import IMAGES_FILE, PREDICTIONS_FILE
from pipeline.system.scratch import scratch_folder


class IsolatedPredictor(Predictor):
    """A file from elsewhere, opened once, in a process that ends with this object.

    Runtimes are written in C++, and a damaged file can crash the process that opens it.
    """

    def __init__(
        self, runtime: Runtime, path: Path, *, timeout_seconds: float | None = None
    ) -> None:
        """Open the file; each step has the time limit, by default that for files from elsewhere.

        Raises:
            MissingPackages: the runtime is not installed.
            ModelError: the file is not a model that the runtime can open, or not an allowed one.
        """
        require_installed(runtime, path)
        self.runtime = runtime
        self._path = path
        self._one_at_a_time = threading.Lock()
        with ExitStack() as stack:
            self._folder = stack.enter_context(scratch_folder())
            request = replace(request_for(runtime, path, self._folder), resident=True)
            worker = WorkerProcess(write_request(request), timeout_seconds or seconds_for(1))
            self._worker = stack.enter_context(worker)
            self._wait(self._worker.wait_until_opened)
            contract = read_contract(self._folder)
            assert contract is not None, "it is written before the worker says so"
            self.contract, self.metadata = contract, read_facts(self._folder).metadata
            # At the end of this object or of the program, whichever is first.
            self.close = weakref.finalize(self, stack.pop_all().close)

    def _run(self, images: Images) -> Probabilities:
        with self._one_at_a_time:
            chunks = (
                images[first : first + CHUNK] for first in range(0, max(1, len(images)), CHUNK)
            )
            return np.concatenate([self._predict(np.asarray(chunk)) for chunk in chunks])

    def _predict(self, images: Images) -> Probabilities:
        np.save(self._folder / IMAGES_FILE, images)
        self._wait(self._worker.predict)
        probabilities: Probabilities = np.load(self._folder / PREDICTIONS_FILE)
        return probabilities

    def _wait(self, step: Callable[[], None]) -> None:
        try:
            step()
        except WorkerFailed as error:
            self._worker.end()
            raise cannot_run(self._path, self.runtime, error) from error
