"""Which compiler runs the steps: asked for, remembered, the only one that can, or the faster."""

import time
from typing import TYPE_CHECKING

from pipeline.training.compiled_program import GRAPH, XLA, EpochState, Program
from pipeline.training.feed import Feed, Shard

if TYPE_CHECKING:
    from pipeline.config.schema import Train
    from pipeline.progress import Progress

_PROBE_SECONDS = 0.2
_CLEARLY_FASTER = 1.1  # less is noise, and the choice must come out the same each time
_NAMES = {"xla": XLA, "graph": GRAPH}


def compile_program(
    program: Program,
    feed: Feed,
    config: "Train",
    progress: "Progress",
    *,
    remembered: str | None = None,
) -> None:
    """Compile before the first step and say which compiler is used, if it is not plainly XLA.

    bfloat16 products may be several times faster as a TensorFlow graph, where oneDNN computes
    them, than inside XLA; so a few steps of both are timed. ``remembered`` is what an interrupted
    training used: going on with another one would not give the same bits.
    """
    with progress.task("compiling"):
        shards = feed.shards(0, 0)
        shard = next(shards)
        asked = remembered or _NAMES.get(config.compiler)
        reason = program.compile_for(shard, asked)
        if reason is None and asked is None and config.precision != "float32":
            reason = _choose_faster(program, shard, config.precision)
        shards.close()
    if reason is not None:
        what = "XLA" if program.compiler == XLA else "a TensorFlow graph"
        progress.notice(f"The training steps run as {what}: {reason}")


def _choose_faster(program: Program, shard: Shard, precision: str) -> str:
    before = [variable.numpy() for variable in program.variables]
    count = _count_for(program, shard)
    seconds = {}
    for compiler in (GRAPH, XLA):
        program.compile_for(shard, compiler)
        seconds[compiler] = _time(program, shard, count)
    for variable, value in zip(program.variables, before, strict=True):
        variable.assign(value)
    ratio = seconds[XLA] / seconds[GRAPH]
    program.compiler = GRAPH if ratio > _CLEARLY_FASTER else XLA
    return (
        f"{count} steps in {precision} took {seconds[XLA]:.2f} s in XLA and {seconds[GRAPH]:.2f} s "
        "as a graph. Set train.compiler to have it the same on every machine."
    )


def _count_for(program: Program, shard: Shard) -> int:
    """Return how many steps are long enough to be timed."""
    count = 1
    _time(program, shard, count)
    while count < shard.num_steps and _time(program, shard, count) < _PROBE_SECONDS:
        count = min(2 * count, shard.num_steps)
    return count


def _time(program: Program, shard: Shard, count: int) -> float:
    started = time.monotonic()
    program.run(shard, EpochState(), count)
    return time.monotonic() - started
