"""One of the workers: ``python -m benchmarks.scaling.worker OUTPUT ROUNDS`` with ``TF_CONFIG``."""

import json
import os
import sys
from pathlib import Path

from pipeline.training.distributed.membership import VARIABLE, parse


def main(output: Path, rounds: int) -> None:
    """Measure as worker 0, or help it, on one core; write the result to OUTPUT.RANK."""
    membership = parse(os.environ[VARIABLE])
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[membership.rank % len(cores)]})
    # Only now: the threads of these packages stay where they were started.
    from benchmarks.scaling.following import follow
    from benchmarks.scaling.leading import lead
    from pipeline.config.schema import Config
    from pipeline.config.training_schema import Train
    from pipeline.training.distributed.joining import join

    train = Train(workers=membership.size, threads=1, lost_seconds=60)
    group = join(Config(name="scaling", train=train), membership)
    found = lead(group, rounds) if membership.leads else follow(group)
    output.with_suffix(f".{membership.rank}").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
