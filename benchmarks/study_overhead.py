"""The cost of a further trial of a study besides its training.

    python -m benchmarks.study_overhead

Trials of the smoke network that differ in rate and seed, on the full MNIST where it is present. The
overhead of a trial is the time since the trial before it was complete, less that inside training
steps: building, validation, evaluation of all splits, and storing. The first trial also prepares
the data and compiles, and is left out.
"""

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import PROJECT, describe
from pipeline import api
from pipeline.progress import Silent, Task, Unit

RATES, SEEDS = (0.001, 0.003, 0.01, 0.03), 5


class Clock(Silent):
    """Notes when each trial was complete."""

    def __init__(self) -> None:
        self.times: list[float] = []

    @contextmanager
    def task(
        self, description: str, total: float | None = None, *, unit: Unit | None = None
    ) -> Iterator[Task]:
        """Follow the task that counts the trials."""
        del description, total
        yield self if unit == Unit("trials") else _Ignored()

    def update(self, completed: float, detail: str = "") -> None:
        """Note the time when a further trial is complete."""
        if not detail and completed == len(self.times) + 1:
            self.times.append(time.perf_counter())


class _Ignored:
    def update(self, completed: float, detail: str = "") -> None:
        pass


def main() -> None:
    """Print the median overhead, the largest one, and the machine."""
    axes = {"optimizer.learning_rate": list(RATES), "train.seed": list(range(SEEDS))}
    study = {"name": "overhead", "base": str(PROJECT / "configs" / "smoke.yaml"), "axes": axes}
    with TemporaryDirectory() as folder:
        file, clock = Path(folder) / "overhead.yaml", Clock()
        file.write_text(json.dumps(study))  # also YAML
        trials = api.study(file, workspace=folder, progress=clock).trials
    gaps = [after - before for before, after in zip(clock.times, clock.times[1:], strict=False)]
    pairs = zip(trials[1:], gaps, strict=True)
    overheads = [seconds - trial.costs[-1].seconds for trial, seconds in pairs]
    print(
        f"{len(overheads)} further trials: {statistics.median(overheads):.2f} s each besides "
        f"training steps (median; at most {max(overheads):.2f} s)"
    )
    print(describe())


if __name__ == "__main__":
    main()
