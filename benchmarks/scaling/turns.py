"""What worker 0 measures in turns, and what the other workers do meanwhile."""

import time
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import tensorflow as tf

from benchmarks.scaling.measures import Measure, in_turns
from benchmarks.scaling.networks import (
    BATCH_SIZE,
    NETWORKS,
    SHARD_STEPS,
    group_program_of,
    shard_of,
    single_program_of,
    summed_bytes,
)
from pipeline.training.compiled_program import EpochState, Program
from pipeline.training.distributed.group import Group
from pipeline.training.distributed.group_program import STEPS, GroupProgram
from pipeline.training.feed import Shard

Rows = list[dict[str, Any]]
Repeated = Callable[[int], object]
BYTES = (4, 65_536, 1_048_576, *map(summed_bytes, NETWORKS))  # of the sums without a training
LINKS = (1.0, 2.5)  # Gbit/s of each worker
PAIR = 2  # workers, of which each has a core; more of them measure only sums
_MOST_SUMS = 500  # in one measurement
_USE, _SUM, _END = "use", "sum", "end"  # messages of worker 0


class Leader:
    """Worker 0."""

    def __init__(self, group: Group, rounds: int) -> None:
        """Measure so many rounds with a group."""
        self._group, self._rounds, self._calls = group, rounds, 0

    def sums(self) -> Rows:
        """Measure sums over the workers."""
        measures, calls = [], {size: self._sum(size) for size in BYTES}
        cases: list[tuple[int, float | None]] = [(size, None) for size in BYTES]
        if self._group.size == PAIR:
            cases += product(map(summed_bytes, NETWORKS), LINKS)
        for size, gbit in cases:
            described: dict[str, Any] = {"what": "sum", "bytes": size, "gbit": gbit}
            measures.append(self._measure(calls[size], **described, most=_MOST_SUMS))
        return in_turns(measures, self._rounds)

    def network(self, hidden: tuple[int, ...]) -> Rows:
        """Measure the steps of a network and their parts."""
        shards = {size: shard_of(size) for size in (BATCH_SIZE, 2 * BATCH_SIZE)}
        single = single_program_of(hidden, BATCH_SIZE)
        described: dict[str, Any] = {
            "hidden": hidden,
            "bytes": summed_bytes(hidden),
            "most": SHARD_STEPS,
        }
        one = partial(run, single, shards[BATCH_SIZE])
        alone: dict[str, Any] = {"what": "step", "workers": 1, "batch_size": BATCH_SIZE}
        measures, parts = [Measure(one, **described, **alone)], []
        for size, shard in shards.items():
            program, call = self._steps(hidden, size, shard)
            for gbit in (None, *LINKS) if size == BATCH_SIZE else (None,):
                step: dict[str, Any] = {"what": "step", "batch_size": size, "gbit": gbit}
                measures.append(self._measure(call, **described, **step))
            names = zip(("gradient", "update"), program.parts(shard), strict=True)
            columns = -(-size // self._group.size)
            parts += [
                Measure(part, **described, what=name, workers=1, batch_size=columns)
                for name, part in names
            ]
        return in_turns([*measures, *parts], self._rounds)

    def end(self) -> None:
        """Let the other workers end."""
        self._group.tell({"do": _END})

    def _sum(self, size: int) -> Repeated:
        repeated = repeated_sum(self._group, size)

        def call(count: int) -> None:
            self._group.tell({"do": _SUM, "bytes": size, "count": count})
            self._calls += 1
            repeated(count)

        return call

    def _measure(self, call: Repeated, **described: Any) -> Measure:
        return Measure(call, number=lambda: self._calls - 1, workers=self._group.size, **described)

    def _steps(
        self, hidden: tuple[int, ...], size: int, shard: Shard
    ) -> tuple[GroupProgram, Repeated]:
        program = group_program_of(hidden, size, self._group)

        def call(count: int) -> None:
            self._group.tell({"do": _USE, "hidden": hidden, "batch_size": size})
            self._calls += 1
            run(program, shard, count)

        return program, call


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


def lead(group: Group, rounds: int) -> Rows:
    """Measure everything with two workers, and only the sums with more."""
    leader = Leader(group, rounds)
    rows = leader.sums()
    for hidden in NETWORKS if group.size == PAIR else ():
        rows += leader.network(hidden)
    leader.end()
    return rows


def follow(group: Group) -> list[float]:
    """Do what worker 0 says; return the processor seconds of each of its calls."""
    made: dict[Any, Any] = {}
    seconds, key = [], None
    while (message := group.hear()[0])["do"] != _END:
        started = time.process_time()
        if message["do"] == _USE:
            key = (tuple(message["hidden"]), message["batch_size"])
            if key not in made:
                made[key] = group_program_of(*key, group), shard_of(message["batch_size"])
            continue
        if message["do"] == STEPS:
            program, shard = made[key]
            program.follow(shard, message)
        else:
            size = message["bytes"]
            if size not in made:
                made[size] = repeated_sum(group, size)
            made[size](message["count"])
        seconds.append(time.process_time() - started)
    return seconds
