"""What the other workers do while worker 0 measures."""

import time
from typing import Any

from benchmarks.scaling.networks import group_program_of, shard_of
from benchmarks.scaling.repeated import END, USE, repeated_sum
from pipeline.training.distributed.group import Group
from pipeline.training.distributed.group_program import STEPS


def follow(group: Group) -> list[float]:
    """Do what worker 0 says; return the processor seconds of each of its calls."""
    made: dict[Any, Any] = {}
    seconds, key = [], None
    while (message := group.hear()[0])["do"] != END:
        started = time.process_time()
        if message["do"] == USE:
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
