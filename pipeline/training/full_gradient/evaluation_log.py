"""A record of computed losses and gradients: a resumed training repeats them without computing.

SciPy cannot continue a minimization from a saved state, but the same values always lead it along
the same path. So a resumed training begins again, and takes every value that was computed before
from the file; where the file ends, it computes. It reaches the same weights, bit for bit, even if
the file is missing or damaged.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from pipeline.system.atomic import explain_storage_errors
from pipeline.training.full_gradient.loss import Evaluation, Vector

MAX_BYTES = 2**30  # of the file; what does not fit is computed again
_DIGEST_BYTES = 16


class EvaluationLog:
    """The evaluations of a training in their order; each has a digest of its weights and values."""

    def __init__(self, path: Path, *, num_metrics: int, num_weights: int) -> None:
        """Read a file from its beginning, and append to it once its records have been used."""
        self._path, self._num_metrics = path, num_metrics
        self._record_bytes = _DIGEST_BYTES + 8 * (2 + num_metrics + num_weights)
        self._used = 0  # bytes
        self._reads = True

    def find(self, weights: Vector) -> Evaluation | None:
        """Return the next evaluation, or None if none of these weights (weights,) is recorded.

        All records after one that is missing, damaged or of other weights are removed.

        Raises:
            StorageError: the file cannot be read or written.
        """
        if not self._reads:
            return None
        record = self._read()
        values = np.frombuffer(record, offset=_DIGEST_BYTES) if record else None
        if values is None or not record.startswith(_digest(weights, values)):
            self._reads = False
            self._truncate()
            return None
        self._used += self._record_bytes
        sums = tuple(values[2 : 2 + self._num_metrics].tolist())
        return Evaluation(values[0].item(), values[2 + len(sums) :], sums, values[1].item())

    def append(self, weights: Vector, evaluation: Evaluation) -> None:
        """Record an evaluation after those that were found.

        Raises:
            StorageError: the file cannot be written.
        """
        if self._used + self._record_bytes > MAX_BYTES:
            return
        first = [evaluation.loss, evaluation.seconds, *evaluation.metric_sums]
        values = np.concatenate([first, evaluation.gradient])
        with explain_storage_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(_digest(weights, values) + values.tobytes())
        self._used += self._record_bytes

    def _read(self) -> bytes:
        """Return the next record, or nothing if there is none or only a part of one."""
        with (
            suppress(FileNotFoundError),
            explain_storage_errors(self._path),
            self._path.open("rb") as file,
        ):
            file.seek(self._used)
            record = file.read(self._record_bytes)
            return record if len(record) == self._record_bytes else b""
        return b""

    def _truncate(self) -> None:
        with (
            suppress(FileNotFoundError),
            explain_storage_errors(self._path),
            self._path.open("r+b") as file,
        ):
            file.truncate(self._used)


def _digest(weights: Vector, values: Vector) -> bytes:
    digest = hashlib.blake2b(weights.tobytes(), digest_size=_DIGEST_BYTES)
    digest.update(values.tobytes())
    return digest.digest()
