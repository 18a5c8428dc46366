"""What worker 0 measures in turns."""

from functools import partial
from itertools import product
from typing import Any

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
from benchmarks.scaling.repeated import END, SUM, USE, Repeated, repeated_sum, run
from pipeline.training.distributed.group import Group
from pipeline.training.distributed.group_program import GroupProgram
from pipeline.training.feed import Shard

Rows = list[dict[str, Any]]
BYTES = (4, 65_536, 1_048_576, *map(summed_bytes, NETWORKS))  # of the sums without a training
LINKS = (1.0, 2.5)  # Gbit/s of each worker
PAIR = 2  # workers, of which each has a core; more of them measure only sums
_MOST_SUMS = 500  # in one measurement


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
        self._group.tell({"do": END})

    def _sum(self, size: int) -> Repeated:
        repeated = repeated_sum(self._group, size)

        def call(count: int) -> None:
            self._group.tell({"do": SUM, "bytes": size, "count": count})
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
            self._group.tell({"do": USE, "hidden": hidden, "batch_size": size})
            self._calls += 1
            run(program, shard, count)

        return program, call


def lead(group: Group, rounds: int) -> Rows:
    """Measure everything with two workers, and only the sums with more."""
    leader = Leader(group, rounds)
    rows = leader.sums()
    for hidden in NETWORKS if group.size == PAIR else ():
        rows += leader.network(hidden)
    leader.end()
    return rows
