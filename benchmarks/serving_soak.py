"""Minutes of mixed load while versions and labels change: ``python -m benchmarks.serving_soak``.

Fails if a request fails, if a new version is not served, or if memory grows.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import OURS, PROJECT, SCRATCH, save
from benchmarks.servers import SERVERS, Running, ServerFailed, running
from benchmarks.soak_clients import NUM_CLIENTS, mixed_requests, running_clients
from benchmarks.soak_versions import PUBLISHED, copy_model, operations
from benchmarks.workloads import (
    Problem,
    WrongPredictions,
    read_problem,
    require_correct_predictions,
)

MINUTES, LEAST_MINUTES = 10.0, 2.0
SAMPLE_SECONDS = 3  # after each, one operation on the versions
SETTLED_SECONDS, WINDOW_SECONDS = 60, 15  # memory fluctuates: use the median of a window
MAX_GROWTH = 1.10

Sample = tuple[float, int]  # seconds since the start, resident bytes


def main() -> None:
    """Run the test on a copy of the model and save the result; exit with 1 on any failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--workspace", type=Path, default=PROJECT)
    parser.add_argument("--name", default="mlp", help="name of the published model")
    options = parser.parse_args()
    if options.minutes < LEAST_MINUTES:
        sys.exit(f"--minutes must be at least {LEAST_MINUTES:g}; got {options.minutes:g}.")
    problem = read_problem(options.workspace / "exported" / options.name)
    with TemporaryDirectory(dir=SCRATCH, prefix="soak-") as workspace:
        model = copy_model(problem.model, Path(workspace))
        copied = Problem(model, problem.images, problem.probabilities)
        try:
            found = soak(copied, 60 * options.minutes)
        except (ServerFailed, WrongPredictions) as error:
            sys.exit(str(error))
    print(json.dumps({key: value for key, value in found.items() if key != "samples"}))
    save("serving_soak", {"minutes": options.minutes, **found})
    sys.exit(" ".join(violations(found)) or 0)


def soak(problem: Problem, seconds: float) -> dict[str, Any]:
    """Load the server for this time, and return the measurements."""
    server, requests = SERVERS[OURS], mixed_requests(problem)
    with running(server, problem.model, SCRATCH / "soak.log") as process:
        require_correct_predictions(server, process.port, problem)
        with running_clients(requests, process.port) as tally:
            samples, done = watch(process, problem.model.path.parent, seconds)
    return {
        "clients": NUM_CLIENTS,
        "requests": dict(tally.requests),
        "failures": tally.num_failures,
        "failure_texts": tally.failures,
        "operations": dict(done),
        "versions_seen": len(tally.versions),
        "bytes_after_a_minute": resident_bytes(samples, SETTLED_SECONDS),
        "bytes_at_the_end": resident_bytes(samples, samples[-1][0] - WINDOW_SECONDS),
        "samples": samples,
    }


def watch(process: Running, folder: Path, seconds: float) -> tuple[list[Sample], Counter[str]]:
    """Change versions and labels and record memory; return the samples and the operations.

    The last operation is early enough for its version to be seen.
    """
    samples: list[Sample] = []
    done: Counter[str] = Counter()
    started, changes = time.monotonic(), operations(folder)
    while (passed := time.monotonic() - started) < seconds:
        samples.append((passed, process.resident_bytes()))
        time.sleep(SAMPLE_SECONDS)
        if passed < seconds - 3 * SAMPLE_SECONDS:
            done[next(changes)] += 1
    return samples, done


def resident_bytes(samples: list[Sample], begin: float) -> int:
    """Return the median of the window that begins ``begin`` seconds after the start."""
    window = [size for at, size in samples if begin <= at <= begin + WINDOW_SECONDS]
    return int(statistics.median(window))


def violations(found: dict[str, Any]) -> list[str]:
    """Return a sentence for each requirement that is not met."""
    before, after = found["bytes_after_a_minute"], found["bytes_at_the_end"]
    failed, seen, wanted = (
        found["failures"],
        found["versions_seen"],
        found["operations"].get(PUBLISHED, 0) + 1,
    )
    rules = {
        f"{failed} requests failed; the first: {found['failure_texts'][:1]}.": failed == 0,
        f"All {wanted} versions must be seen in responses; got {seen}.": seen == wanted,
        f"Memory may grow by {MAX_GROWTH - 1:.0%} after the first minute; got {before / 1e6:.0f} "
        f"MB, then {after / 1e6:.0f} MB.": after <= MAX_GROWTH * before,
    }
    return [sentence for sentence, holds in rules.items() if not holds]


if __name__ == "__main__":
    main()
