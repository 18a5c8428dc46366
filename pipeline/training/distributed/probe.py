"""Measure a few steps before a training, to say when several workers are slower than one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.training.compiled_program import EpochState

if TYPE_CHECKING:
    from pipeline.training.distributed.group_program import GroupProgram
    from pipeline.training.feed import Shard

_SECONDS = 0.2  # of a measurement
_MOST_STEPS = 50
_REPEATS = 3  # of each measurement; the fastest counts


@dataclass(frozen=True)
class StepSeconds:
    """The seconds of a step of ``workers``, and of its parts in one worker without the others."""

    workers: int
    step: float
    gradient: float
    update: float

    @property
    def of_one(self) -> float:
        """The estimate for a single worker: it computes the gradients of all shares."""
        return self.workers * self.gradient + self.update

    def warning(self) -> str | None:
        """Return what to do if a single worker would be faster, or None."""
        if self.step <= self.of_one:
            return None
        return (
            f"{self.workers} workers are slower than one for this network and batch: a step takes "
            f"{_milliseconds(self.step)}, and a single worker would need about "
            f"{_milliseconds(self.of_one)}. Connecting the workers costs "
            f"{_milliseconds(self.step - self.gradient - self.update)} of each step. Use a larger "
            "train.batch_size, with optimizer.scale_with_batch and a warmup, average the weights "
            "every few steps instead (train.average_every), run the trials of a study in parallel, "
            "or set train.workers=1."
        )


def measure(program: "GroupProgram", shard: "Shard") -> StepSeconds:
    """Measure steps on a shard that the program was compiled for; no variable changes.

    Raises:
        WorkerLost: a worker has ended, or does not answer.
    """

    def steps(count: int) -> object:
        return program.run(shard, EpochState(step=1), count)

    with program.unchanged():
        program.run(shard, EpochState(), 1)  # the other workers copy the variables, and compile
        count = int(_SECONDS / _fastest(partial(steps, 1)))
        count = max(1, min(count, _MOST_STEPS, shard.num_steps))
        calls = (steps, *program.parts(shard))
        found = (_fastest(partial(call, count)) / count for call in calls)
        return StepSeconds(program.num_workers, *found)


def _fastest(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_REPEATS):
        started = time.monotonic()
        call()
        seconds.append(time.monotonic() - started)
    return min(seconds)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.2f} ms"
