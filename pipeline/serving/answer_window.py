"""The last answers of one version, those of all workers together, compared with the test set.

Each worker keeps its own answers and, if there are several, writes them to a file once a second.
Whichever worker is asked reads the files of the others. The file of a worker that has ended stays,
since its answers were given; they leave the window as newer ones come.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.answer_distribution import AnswerDistribution, population_stability_index
from pipeline.artifacts.serialization import to_json
from pipeline.system.atomic import write_file
from pipeline.tasks.answers import Answers

_FILES = "*.answers"


@dataclass(frozen=True)
class Drift:
    """The number of answers in the window, and the index of each measure.

    An index is None while the window, or the test set, has too few answers.
    """

    window: int
    indices: dict[str, float | None]


class AnswerWindow:
    """The bins of the last ``size`` answers, with their times."""

    def __init__(
        self, reference: AnswerDistribution, size: int, folder: Path | None = None
    ) -> None:
        """Compare with a reference; ``folder`` is shared with the windows of other workers."""
        self._reference, self._size = reference, size
        fields = [("time", np.float64), *((name, np.uint32) for name in reference.measures)]
        self._answers: npt.NDArray[np.void] = np.empty(0, fields)
        self._file = folder and folder / _FILES.replace("*", secrets.token_hex(8))
        self._is_shared = True
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, answers: Answers) -> None:
        """Add answers in the order in which they were given."""
        added = np.empty(min(len(answers.intensity), self._size), self._answers.dtype)
        added["time"] = time.time()
        for name, histogram in self._reference.measures.items():
            added[name] = histogram.bins(getattr(answers, name)[-self._size :])
        self._answers = np.concatenate([self._answers, added])[-self._size :]
        self._is_shared = False

    def share(self) -> None:
        """Let the other workers see the answers; another thread may call this.

        Raises:
            StorageError: the file cannot be written.
        """
        if self._file and not self._is_shared:
            self._is_shared = True
            write_file(self._file, self._answers.tobytes(), sync=False)

    def drift(self) -> Drift:
        """Compare the last answers of all workers with the reference."""
        last = self._of_all_workers()
        return Drift(
            len(last),
            {
                name: population_stability_index(
                    histogram, np.bincount(last[name], minlength=len(histogram.counts))
                )
                for name, histogram in self._reference.measures.items()
            },
        )

    def _of_all_workers(self) -> npt.NDArray[np.void]:
        if self._file is None:
            return self._answers
        others = [path for path in self._file.parent.glob(_FILES) if path != self._file]
        read = [np.frombuffer(path.read_bytes(), self._answers.dtype) for path in others]
        together = np.concatenate([self._answers, *read])
        return together[np.argsort(together["time"], kind="stable")][-self._size :]


def window_folder(shared: Path, model: str, version: int, reference: AnswerDistribution) -> Path:
    """Return the folder of one version; with another reference, it has other bins."""
    identity = repr((model, version, to_json(reference))).encode()
    return shared / "answers" / hashlib.sha256(identity).hexdigest()[:16]
