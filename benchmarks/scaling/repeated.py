"""Steps and sums that are repeated, and the messages that make the other workers take part."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from pipeline.training.compiled_program import EpochState, Program
from pipeline.training.distributed.group import Group
from pipeline.training.feed import Shard

USE, SUM, END = "use", "sum", "end"  # messages of worker 0
Repeated = Callable[[int], object]


def run(program: Program, shard: Shard, count: int) -> None:
    """Take steps, not the first ones of an epoch."""
    program.run(shard, EpochState(step=1), count)


def repeated_sum(group: Group, size: int) -> Repeated:
    """Return a call that sums ``size`` bytes a number of times."""
    zeros = tf.zeros([size // 4])

    @tf.function  # type: ignore[untyped-decorator]
    def repeated(count: Any) -> Any:
        total = zeros
        for _ in tf.range(count):
            total = group.sum(total)
        return total[0]

    return lambda count: repeated(tf.constant(count)).numpy()
