"""One of several workers that train in float64; worker 0 compares them with a single process.

Run as ``python -m tests.training.distributed.compared OUTPUT`` with ``TF_CONFIG``.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.artifacts.data_set import Split
from pipeline.config.augment_schema import Augment
from pipeline.config.schema import Config
from pipeline.config.training_schema import Optimizer, Train
from pipeline.data.sample import read_sample
from pipeline.system.interruption import Interruption
from pipeline.training.compiled_program import EpochState, Program
from pipeline.training.distributed.following import take_steps
from pipeline.training.distributed.group import Group
from pipeline.training.distributed.group_program import GroupProgram
from pipeline.training.distributed.joining import join
from pipeline.training.distributed.membership import VARIABLE, parse
from pipeline.training.distributed.probe import measure
from pipeline.training.feed import Feed, InMemoryFeed
from pipeline.training.loop import Loop
from pipeline.training.streaming import StreamingFeed
from tests.training.distributed.averaged import compared_averages
from tests.training.distributed.programs import BATCH_SIZE, STEPS, assign, program_of, values_of

MOMENTUM = Optimizer(name="sgd", learning_rate=0.05, momentum=0.9)
ADAM = Optimizer(name="adam", learning_rate=0.003)
AUGMENT = Augment(rotation=10, elastic=1.0, stroke=0.5, undeformed=0.3)

ALL_RANDOM, STREAMED = "momentum, dropout, augmented", "adam, dropout, streamed"
MEASURED = {ALL_RANDOM, STREAMED}  # measuring compiles three more programs
CASES: dict[str, dict[str, Any]] = {
    "momentum": {"optimizer": MOMENTUM, "l2": 0.01},
    ALL_RANDOM: {"optimizer": MOMENTUM, "dropout": 0.4, "augment": AUGMENT},
    "adam, dropout, adversarial": {"optimizer": ADAM, "dropout": 0.4, "adversarial": 0.05},
    STREAMED: {"optimizer": ADAM, "dropout": 0.4, "l2": 0.01, "shard_steps": 3},
}


def cases_of(size: int) -> list[str]:
    """Return the cases of so many workers; four of them on two cores take long to compile."""
    return list(CASES) if size == 2 else [ALL_RANDOM]


def digits() -> Split:
    images, labels = read_sample()
    order = np.random.default_rng(0).permutation(len(labels))[:500]
    return Split(images[order], labels[order])


def feed_of(split: Split, shard_steps: int | None) -> Feed:
    if shard_steps is None:
        return InMemoryFeed(split, batch_size=BATCH_SIZE, seed=7)
    size = 2 * shard_steps * BATCH_SIZE * (784 + split.labels.itemsize)
    return StreamingFeed(split, batch_size=BATCH_SIZE, seed=7, max_bytes=size)


def trained(program: Program, feed: Feed) -> dict[str, Any]:
    """Train for an epoch and the rest of the steps; return all weights, losses and hits."""
    loop = Loop(program, feed)
    first = loop.run_epoch(0, lambda _: None)
    state, remaining = EpochState(), STEPS - feed.num_steps
    for shard in feed.shards(1, 0):
        count = min(remaining - state.step, shard.num_steps)
        state, _ = program.run(shard, state, count)
        if state.step == remaining:
            break
    weights = [np.asarray(variable.value) for variable in program.model.trainable_variables]
    return {
        "weights": np.concatenate([weight.ravel() for weight in weights]),
        "loss": [first.loss, state.loss_sum],
        "hits": [first.metrics["accuracy"], *state.metric_sums],
    }


def measured(program: Program, feed: Feed) -> dict[str, Any]:
    """Return what the probe measures, and whether it has changed a variable."""
    assert isinstance(program, GroupProgram)
    before = values_of(program)
    [shard, *_] = feed.shards(0, 0)
    found = measure(program, shard)
    changed = not all(map(np.array_equal, before, values_of(program)))
    return {
        "step": found.step,
        "parts": [found.of_one, found.gradient, found.update],
        "changed": changed,
    }


def compared(group: Group, split: Split, name: str) -> dict[str, Any] | None:
    """Return how the group differs from one process, and from itself; None in other workers."""
    settings = dict(CASES[name])
    feed = feed_of(split, settings.pop("shard_steps", None))

    program = program_of(partial(GroupProgram, group=group), **settings)
    if not group.membership.leads:
        assert isinstance(program, GroupProgram)
        take_steps(group, program, feed, Interruption())
        return None
    start = values_of(program)
    results = []
    for _ in range(2):
        assign(program, start)
        results.append(trained(program, feed))
    seconds = measured(program, feed) if name in MEASURED else None
    group.tell({"do": "next"})
    single = trained(program_of(Program, **settings), feed)
    first = start[0].ravel()
    return {
        "moved": float(np.abs(single["weights"][: first.size] - first).max()),
        "difference": float(np.abs(results[0]["weights"] - single["weights"]).max()),
        "loss": float(np.abs(np.subtract(results[0]["loss"], single["loss"])).max()),
        "hits": bool(results[0]["hits"] == single["hits"]),
        "seconds": seconds,
        "same bits": bool(np.array_equal(results[0]["weights"], results[1]["weights"])),
    }


def main(output: Path) -> None:
    keras.config.set_floatx("float64")
    membership = parse(os.environ[VARIABLE])
    train = Train(workers=membership.size, threads=1, lost_seconds=60)
    group, split = join(Config(name="compared", train=train), membership), digits()
    names = cases_of(membership.size)
    found = {name: compared(group, split, name) for name in names}
    averages = compared_averages(group, split)
    if membership.leads:
        output.write_text(json.dumps({"cases": found, "averages": averages}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
