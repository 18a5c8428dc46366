"""Measure a few steps before a training, to say when several workers are slower than one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.training.compiled_program import EpochState, Program

if TYPE_CHECKING:
    from pipeline.training.distributed.group_program import GroupProgram
    from pipeline.training.feed import Shard

_SECONDS = 0.2  # of a measurement
_MOST_STEPS = 50
_REPEATS = 3  # of each measurement; the fastest counts


@dataclass(frozen=True)
class StepSeconds:
    """The seconds of a step of ``workers``, of the same step in one process, and of its parts.

    The parts, ``gradient`` and ``update``, are those of one of the workers. With
    ``average_every``, they are a step alone, and setting the averages.
    """

    workers: int
    step: float
    of_one: float
    gradient: float
    update: float
    average_every: int | None = None

    def warning(self) -> str | None:
        """Return what to do if a single worker would be faster, or None."""
        if self.step <= self.of_one:
            return None
        connecting = self.step - self.gradient - self.update / (self.average_every or 1)
        averages = (
            "a larger train.average_every"
            if self.average_every
            else "average the weights every few steps instead (train.average_every)"
        )
        return (
            f"{self.workers} workers are slower than one for this network and batch: a step takes "
            f"{_milliseconds(self.step)}, compared with {_milliseconds(self.of_one)} in one "
            f"process. Communication between the workers takes {_milliseconds(connecting)} of each "
            "step. Use a larger train.batch_size, with optimizer.scale_with_batch and a warmup, "
            f"{averages}, run the trials of a study in parallel, or set train.workers=1."
        )


def measure(program: "GroupProgram", shard: "Shard") -> StepSeconds:
    """Measure steps on a shard that the program was compiled for; no variable changes.

    Raises:
        WorkerLost: a worker has ended, or does not answer.
    """

    def steps(of: Program, count: int) -> object:
        return of.run(shard, EpochState(step=1), count)

    with program.unchanged():
        program.run(shard, EpochState(), 1)  # the other workers copy the variables, and compile
        calls = (partial(steps, program), partial(steps, program.alone(shard)))
        step, of_one, gradient, update = (
            _seconds(call, shard.num_steps) for call in (*calls, *program.parts(shard))
        )
    return StepSeconds(program.num_workers, step, of_one, gradient, update, program.average_every)


def _seconds(call: Callable[[int], object], most: int) -> float:
    """Return the seconds of a step, of which the call makes a number."""
    call(1)  # compiles
    count = int(_SECONDS / _fastest(partial(call, 1)))
    count = max(1, min(count, _MOST_STEPS, most))
    return _fastest(partial(call, count)) / count


def _fastest(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_REPEATS):
        started = time.monotonic()
        call()
        seconds.append(time.monotonic() - started)
    return min(seconds)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.2f} ms"
