"""The sample log: a thread that turns sampled requests into Parquet files."""

import logging
import queue
import random
import time
from concurrent.futures import TimeoutError as LateError
from datetime import UTC, datetime

from pipeline.errors import sentence
from pipeline.runtimes.predictor import Images
from pipeline.serving.traffic.backlog import Backlog
from pipeline.serving.traffic.choice import Call
from pipeline.serving.traffic.counters import sample_log_failing, sampled_images
from pipeline.serving.traffic.options import SampleLog
from pipeline.serving.traffic.sample_files import add_file
from pipeline.serving.traffic.sample_rows import Row, Sample, as_parquet, rows_of, size_of
from pipeline.serving.versions import Version
from pipeline.system import daemon_threads
from pipeline.tasks.task import Predictions

_log = logging.getLogger(__name__)
_MAX_SAMPLES = 1000  # waiting
_MAX_ROWS = 10_000  # of a file
_MAX_FILE_BYTES = 16 * 2**20  # in memory, before compression
_CLOSE_SECONDS = 5.0


class SampleWriter:
    """Writes samples of one worker."""

    def __init__(self, log: SampleLog, max_bytes: int) -> None:
        """At most ``max_bytes`` of images wait for the thread."""
        self._options = log
        self._backlog: Backlog[Sample] = Backlog(_MAX_SAMPLES, max_bytes)
        self._file_bytes = min(_MAX_FILE_BYTES, log.max_bytes // 4)
        self._rows: list[Row] = []
        self._bytes = 0
        self._until: float | None = None  # when the rows must be written
        self._failing = False
        self._thread = daemon_threads.start(self._run)

    def sample(
        self, call: Call, version: Version, images: Images, predictions: Predictions
    ) -> None:
        """Record a request if its turn comes by chance."""
        if random.random() >= self._options.rate or call.chosen is None:  # noqa: S311
            return
        now, chosen = datetime.now(UTC), call.chosen
        sample = Sample(now, call.id, call.trace_id, chosen, version, images, predictions)
        if not self._backlog.put(sample, images.nbytes):
            _count("dropped", len(images))

    def close(self) -> None:
        """Write what was sampled, unless that takes too long."""
        self._backlog.close()
        try:
            self._thread.result(_CLOSE_SECONDS)
        except LateError:
            _log.warning("--sample-log: the last samples were not written in time")

    def _run(self) -> None:
        open_ = True
        while open_:
            try:
                sample = self._backlog.get(self._seconds_left())
            except queue.Empty:
                self._write()
                continue
            open_ = sample is not None
            if sample is not None:
                self._add(sample)
                self._backlog.done(sample.images.nbytes)
        self._write()

    def _seconds_left(self) -> float | None:
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def _add(self, sample: Sample) -> None:
        try:
            for row in rows_of(sample, with_images=self._options.images):
                self._rows.append(row)
                self._bytes += size_of(row)
                if self._until is None:
                    self._until = time.monotonic() + self._options.seconds
                if len(self._rows) >= _MAX_ROWS or self._bytes >= self._file_bytes:
                    self._write()
        except Exception:  # noqa: BLE001  (requests are not affected)
            _log.exception("--sample-log: cannot record a request")

    def _write(self) -> None:
        """Write the rows to a file; if that fails, they are lost."""
        rows, self._rows, self._bytes, self._until = self._rows, [], 0, None
        if not rows:
            return
        try:
            content = as_parquet(rows, with_images=self._options.images)
            written = add_file(self._options, content)
        except Exception as error:  # noqa: BLE001  (requests are not affected)
            written = False
            self._report(error)
        else:
            self._report(None)
        _count("written" if written else "dropped", len(rows))

    def _report(self, error: Exception | None) -> None:
        """Log only when writing begins to fail, and when it works again."""
        failing = error is not None
        if failing == self._failing:
            return
        self._failing = failing
        sample_log_failing.set(int(failing))
        if error is None:
            _log.info("--sample-log: writing samples works again")
        else:
            _log.error("--sample-log: cannot write samples: %s", sentence(error))


def _count(outcome: str, images: int) -> None:
    sampled_images.labels(outcome).inc(images)
