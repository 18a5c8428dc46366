"""Choose the compiler: configured, from the checkpoint, by the batch size, or the faster one."""

import time
from typing import TYPE_CHECKING

from pipeline.training.compiled_program import EpochState, Program
from pipeline.training.feed import Feed, Shard
from pipeline.training.network_program import GRAPH, XLA, NetworkProgram

if TYPE_CHECKING:
    from pipeline.config.training_schema import Train
    from pipeline.progress import Progress

_PROBE_SECONDS = 0.2
_REPETITIONS = 3  # the fastest counts, since other programs can only slow steps down
_CLEARLY_FASTER = 1.1  # a smaller ratio is noise, and the choice should be reproducible
_NAMES = {"xla": XLA, "graph": GRAPH}
_LARGE_BATCH = 16_384  # products take most of a step, and oneDNN computes them faster than XLA


def compile_program(
    program: NetworkProgram,
    feed: Feed,
    config: "Train",
    progress: "Progress",
    *,
    previous_compiler: str | None = None,
) -> None:
    """Compile before the first step, and report a compiler that was measured or a fallback.

    bfloat16 products may be several times faster as a TensorFlow graph, where oneDNN computes
    them, than in XLA; so a few steps of both are timed. ``previous_compiler`` is the compiler of an
    interrupted training: another one would not give the same bits.
    """
    with progress.task("compiling"):
        shards = feed.shards(0, 0)
        shard = next(shards)
        chosen = previous_compiler or _NAMES.get(config.compiler) or _by_batch_size(program)
        reason = program.compile_for(shard, chosen)
        if reason is None and chosen is None and config.precision != "float32":
            assert isinstance(program, Program), "full-gradient methods compute in float32"
            reason = _choose_faster(program, shard, config.precision)
        shards.close()
    if reason is not None:
        where = "in XLA" if program.compiler == XLA else "as a TensorFlow graph"
        progress.notice(f"The training steps run {where}. {reason}")


def _by_batch_size(program: NetworkProgram) -> str | None:
    is_large = isinstance(program, Program) and program.batch_size >= _LARGE_BATCH
    return GRAPH if is_large else None


def _choose_faster(program: Program, shard: Shard, precision: str) -> str:
    before = [variable.numpy() for variable in program.variables]
    count = _count_for(program, shard)
    seconds = {}
    for compiler in (GRAPH, XLA):
        program.compile_for(shard, compiler)
        _time(program, shard, 1)  # XLA compiles the parts of a graph when they first run
        seconds[compiler] = min(_time(program, shard, count) for _ in range(_REPETITIONS))
    for variable, value in zip(program.variables, before, strict=True):
        variable.assign(value)
    ratio = seconds[XLA] / seconds[GRAPH]
    program.compiler = GRAPH if ratio > _CLEARLY_FASTER else XLA
    return (
        f"{count} steps in {precision} took {seconds[XLA]:.2f} s in XLA and {seconds[GRAPH]:.2f} s "
        "as a graph. Set train.compiler to use the same compiler on every machine."
    )


def _count_for(program: Program, shard: Shard) -> int:
    """Return a number of steps that runs long enough to be timed."""
    count = 1
    _time(program, shard, count)
    while count < shard.num_steps and _time(program, shard, count) < _PROBE_SECONDS:
        count = min(2 * count, shard.num_steps)
    return count


def _time(program: Program, shard: Shard, count: int) -> float:
    started = time.monotonic()
    program.run(shard, EpochState(), count)
    return time.monotonic() - started
