"""Measure, and write benchmarks/results/scaling.json."""

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import save
from benchmarks.own_network import own_network
from benchmarks.workers import start_workers

Rows = list[dict[str, Any]]
_SECONDS = 1800  # within which all workers end


def main() -> None:
    """Measure with two workers, and sums also with four, whose processor time is enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    rows = measured(2, rounds) + measured(4, rounds)
    save("scaling", {"load": os.getloadavg()[0], "rows": rows})


def measured(size: int, rounds: int) -> Rows:
    """Return what a group of workers has measured."""
    with TemporaryDirectory() as name, own_network() as network:
        folder = Path(name)
        arguments = (folder / "found", rounds)
        module = "benchmarks.scaling.worker"
        started = start_workers(network, module, arguments, size=size, logs=folder)
        codes = [process.wait(_SECONDS) for process in started]
        if any(codes):
            sys.exit("\n".join(log.read_text()[-3000:] for log in sorted(folder.glob("*.log"))))
        found = [json.loads((folder / f"found.{n}").read_text()) for n in range(size)]
        rows: Rows = found[0]
    for row in rows:
        add_others(row, found[1:])
    return rows


def add_others(row: dict[str, Any], others: list[list[float]]) -> None:
    """Replace the processor time of worker 0 by the mean over all workers."""
    for found in row["rounds"]:
        if (number := found.pop("number", None)) is not None:
            count = found.pop("count")
            used = [found["cpu"], *(other[number] / count for other in others)]
            found["cpu"] = sum(used) / len(used)


if __name__ == "__main__":
    main()
