"""Local SGD of several workers, and the same with programs of one process, averaged by NumPy."""

from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.artifacts.data_set import Split
from pipeline.config.training_schema import Optimizer
from pipeline.system.interruption import Interruption
from pipeline.training.compiled_program import EpochState, Program
from pipeline.training.distributed.averaging_program import AveragingProgram
from pipeline.training.distributed.following import take_steps
from pipeline.training.distributed.group import Group
from pipeline.training.feed import InMemoryFeed, Shard
from pipeline.training.loop import Loop
from tests.training.distributed.programs import assign, program_of, values_of

BATCH_SIZE = 32  # divided by 2 and 4; the last batch of 500 images has 20
EVERY = 5  # of 16 steps
SETTINGS: dict[str, Any] = {"optimizer": Optimizer(name="nadam", learning_rate=0.003), "l2": 0.01}


def compared_averages(group: Group, split: Split) -> dict[str, Any] | None:
    """Return how the group differs from programs in one process; None in other workers."""
    feed = InMemoryFeed(split, batch_size=BATCH_SIZE, seed=7)
    kind = partial(AveragingProgram, group=group, average_every=EVERY)
    program = program_of(kind, batch_size=BATCH_SIZE, **SETTINGS)
    if not group.membership.leads:
        assert isinstance(program, AveragingProgram)
        take_steps(group, program, feed, Interruption())
        return None
    result = Loop(program, feed).run_epoch(0, lambda _: None)
    group.tell({"do": "next"})
    [shard] = feed.shards(0, 0)
    expected, state = reference(shard, group.size)
    differences = [
        np.abs(np.asarray(own.value) - np.asarray(other.value)).max()
        for own, other in zip(program.variables, expected.variables, strict=True)
    ]
    return {
        "difference": float(max(differences)),
        "loss": abs(result.loss - state.loss_sum / len(split)),
        "hits": result.metrics["accuracy"] * len(split) - state.metric_sums[0],
    }


def reference(shard: Shard, size: int) -> tuple[Program, EpochState]:
    """Return a program with the averages of all, and the sums of loss and hits of all.

    One program computes the steps of all workers in turn: compiling it takes seconds.
    """
    program = program_of(Program, batch_size=BATCH_SIZE // size, **SETTINGS)
    shards = [own_shard(shard, rank, size) for rank in range(size)]
    states = [EpochState()] * size
    before = values_of(program)
    for first in range(0, shard.num_steps, EVERY):
        count = min(EVERY, shard.num_steps - first)
        after = []
        for rank in range(size):
            assign(program, before)
            states[rank], _ = program.run(shards[rank], states[rank], count, first=first)
            after.append(values_of(program))
        before = [averaged(values) for values in zip(*after, strict=True)]
    assign(program, before)
    hits = sum(state.metric_sums[0] for state in states)
    return program, EpochState(0, sum(state.loss_sum for state in states), (hits,))


def averaged(values: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the mean of weights and moments; numbers, such as that of the step, are the same."""
    first = values[0]
    if first.ndim and first.dtype.kind == "f":
        return np.asarray(np.mean(values, axis=0))
    assert all(np.array_equal(first, other) for other in values)
    return first


def own_shard(shard: Shard, rank: int, size: int) -> Shard:
    """Return a shard of the columns of a worker."""
    columns = np.asarray(shard.order).reshape(-1, BATCH_SIZE)[:, rank::size]
    return Shard(
        shard.images,
        shard.labels,
        tf.constant(columns.ravel()),
        shard.num_images // size,
        shard.num_steps,
        shard.seed,
        shard.first_step,
    )
