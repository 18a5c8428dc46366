"""What event files cost: epochs of the default model with and without them, in alternation.

    python -m benchmarks.event_files WORKSPACE [PAIRS]

Both are trained in one process, in pairs whose order alternates; the first pair is the warm-up. The
time is that of the epochs, with validation.
"""

import statistics
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.config import read
from pipeline.engine.workspace import Workspace
from pipeline.live.event_files import EventFiles
from pipeline.progress import Progress, Silent, Training, TrainingCost, WithListeners
from pipeline.stages import run_stages

CONFIG, EPOCHS, PAIRS = Path("configs/mlp.yaml"), 3, 10


class Clock(Silent):
    """Measures from the beginning of a training to the end of its last epoch."""

    def training_began(self, training: Training) -> None:
        """Start the clock."""
        del training
        self._began = time.perf_counter()

    def epoch_finished(self, epoch: int, logs: dict[str, float], cost: TrainingCost) -> None:
        """Note the time."""
        del epoch, logs, cost
        self.seconds = time.perf_counter() - self._began


def main(workspace: Path, pairs: int = PAIRS) -> None:
    """Print the medians, and the median of the ratios of the pairs."""
    with_files: list[float] = []
    without: list[float] = []
    for number in range(pairs + 1):
        for writes in (number % 2 == 0, number % 2 == 1):
            seconds = _train(workspace, writes=writes)
            if number:
                (with_files if writes else without).append(seconds)
    ratio = statistics.median(a / b for a, b in zip(with_files, without, strict=True))
    print(f"with {statistics.median(with_files):.3f} s, without {statistics.median(without):.3f} s")
    print(f"median of {pairs} ratios {ratio:.4f}")


def _train(workspace: Path, *, writes: bool) -> float:
    clock = Clock()
    with (
        TemporaryDirectory() as folder,
        closing(EventFiles(lambda fingerprint: Path(folder) / fingerprint, print)) as files,
    ):
        progress: Progress = WithListeners(clock, [files]) if writes else clock
        config = read(CONFIG, [f"train.epochs={EPOCHS}"])
        run_stages(config, Workspace(workspace), progress, until="train", force="train")
    return clock.seconds


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
